// The page as it is now, every few seconds: what the server would show is fetched and
// put in the place of what is shown. Without this script a page is as it was when it
// was loaded.
"use strict";
(() => {
  const every = 5000;
  const live = document.getElementById("live");
  const old = document.getElementById("old");
  const pause = document.createElement("button");
  let paused = false;
  let failing = false;
  const put = (where, text) => { if (where.textContent !== text) { where.textContent = text; } };
  const say = (text) => {
    failing = false;
    put(old, "");
    put(live, text);
  };
  // What is old must not look as if it were of now, wherever one is on the page.
  const warn = (why) => {
    if (!failing) { put(old, `${why} What stands here is of ${document.getElementById("asof").textContent}.`); }
    failing = true;
    put(live, "It is not kept up to date.");
  };
  const busy = (part) => {
    const selection = document.getSelection();
    return part.contains(document.activeElement) ||
      (selection && !selection.isCollapsed && part.contains(selection.anchorNode));
  };
  const scrolls = (part) => [...part.querySelectorAll(".scroll,figure")];
  const replace = (part, now) => {
    const places = scrolls(part).map((e) => [e.scrollLeft, e.scrollTop]);
    part.replaceWith(document.adoptNode(now));
    scrolls(now).forEach((e, i) => { if (places[i]) { [e.scrollLeft, e.scrollTop] = places[i]; } });
  };
  const take = (page) => {
    // The agent may be another one than before, and then knows no form of before.
    const token = page.querySelector("input[name=form]");
    for (const field of document.querySelectorAll("input[name=form]")) { if (token) { field.value = token.value; } }
    let held = false;
    for (const part of document.querySelectorAll("[data-live]")) {
      const now = page.getElementById(part.id);
      if (!now || part.innerHTML === now.innerHTML) { continue; }
      // What is being used is left alone until it is not.
      if (busy(part)) { held = true; } else { replace(part, now); }
    }
    document.getElementById("asof").replaceWith(document.adoptNode(page.getElementById("asof")));
    say(held ? "It is kept up to date, but for the part that you are in." : "It is kept up to date.");
  };
  const fetchPage = () => {
    if (paused || document.hidden) { return again(); }
    const here = location.href.split("#")[0];
    const request = new XMLHttpRequest();
    request.open("GET", here);
    request.setRequestHeader("Slips-Refresh", "1");
    request.responseType = "document";
    request.timeout = 20000;
    request.onload = () => {
      const page = request.response;
      if (request.status === 200 && page?.getElementById("asof") && request.responseURL.split("#")[0] === here) {
        take(page);
      } else if (request.responseURL.endsWith("/ui/login")) {
        warn("You are not logged in any more: load the page again.");
      } else if (request.status !== 429) { // too much at once: it is asked again soon
        warn(`The agent answers no more as it did (${request.status}): load the page again.`);
      }
      again();
    };
    request.onerror = request.ontimeout = () => { warn("The agent does not answer."); again(); };
    request.send();
  };
  const again = () => { setTimeout(fetchPage, every); };
  pause.type = "button";
  pause.textContent = "Hold still";
  pause.setAttribute("aria-pressed", "false");
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (!failing) { say(paused ? "Held still." : "It is kept up to date."); }
  });
  live.after(" ", pause);
  again();
})();
