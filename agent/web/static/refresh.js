// The page as it is now, every few seconds: what the server would show is fetched and
// put in the place of what is shown. Without this script a page is as it was when it
// was loaded.
"use strict";
(() => {
  const every = 5000;
  const live = document.getElementById("live");
  const pause = document.createElement("button");
  let paused = false;
  let timer = 0;
  const say = (text) => { if (live.firstChild?.data !== text) { live.textContent = text; } };
  const busy = (part) => {
    const selection = document.getSelection();
    return part.contains(document.activeElement) ||
      (selection && !selection.isCollapsed && part.contains(selection.anchorNode));
  };
  const take = (page) => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const now = page.getElementById(part.id);
      // What is being used is left alone until it is not.
      if (now && !busy(part) && part.innerHTML !== now.innerHTML) {
        part.replaceWith(document.adoptNode(now));
      }
    }
    const asOf = page.getElementById("asof");
    if (asOf) { document.getElementById("asof").replaceWith(document.adoptNode(asOf)); }
  };
  const fetchPage = () => {
    if (paused || document.hidden) { return again(); }
    const request = new XMLHttpRequest();
    request.open("GET", location.href.split("#")[0]);
    request.responseType = "document";
    request.timeout = 20000;
    request.onload = () => {
      if (request.status === 200 && request.response && request.responseURL.split("#")[0] === location.href.split("#")[0]) {
        take(request.response);
        say("It is kept up to date.");
      } else {
        say("The agent answers no more as it did: load the page again.");
      }
      again();
    };
    request.onerror = request.ontimeout = () => { say("The agent does not answer; this is what it said last."); again(); };
    request.send();
  };
  const again = () => { timer = setTimeout(fetchPage, every); };
  pause.type = "button";
  pause.textContent = "Hold still";
  pause.setAttribute("aria-pressed", "false");
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    say(paused ? "Held still." : "It is kept up to date.");
  });
  live.after(" ", pause);
  again();
})();
