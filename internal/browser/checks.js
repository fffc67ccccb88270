// What a page needs for those who use a keyboard, a screen reader, or weak eyes. It
// gives the mistakes in words.
(() => {
  const wrong = [];
  const name = (e) => `${e.tagName.toLowerCase()}${e.id ? "#" + e.id : ""} "${(e.textContent || "").trim().slice(0, 40)}"`;
  const visible = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
  if (!document.documentElement.lang) { wrong.push("the page has no language"); }
  if (!document.title.trim()) { wrong.push("the page has no title"); }
  for (const landmark of ["main", "h1"]) {
    const n = document.querySelectorAll(landmark).length;
    if (n !== 1) { wrong.push(`${n} of ${landmark}`); }
  }
  // Landmarks: each once, told apart by name, and nothing beside them.
  for (const landmark of ["header", "footer"]) {
    const n = document.querySelectorAll(`body > ${landmark}`).length;
    if (n > 1 || n === 0 && document.querySelector("nav")) { wrong.push(`${n} of ${landmark}`); }
  }
  const landmarks = new Set();
  for (const e of document.querySelectorAll("nav,section,[role=region]")) {
    const says = e.getAttribute("aria-label") || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent;
    if (landmarks.has(says)) { wrong.push(`two landmarks are called ${says}`); }
    landmarks.add(says);
  }
  for (const e of document.body.children) {
    if (visible(e) && !e.matches("header,main,footer,nav,.skip,[role=alert],script")) { wrong.push(`${name(e)} is in no landmark`); }
  }
  for (const e of document.querySelectorAll("[role]")) {
    if (!["img", "region", "alert", "status"].includes(e.getAttribute("role"))) { wrong.push(`${name(e)} has a role that nobody thought of`); }
  }
  for (const e of document.querySelectorAll('a[href^="#"]')) {
    if (!document.getElementById(e.getAttribute("href").slice(1))) { wrong.push(`${name(e)} leads nowhere`); }
  }
  for (const e of document.querySelectorAll("header nav")) {
    if (e.querySelectorAll("[aria-current]").length > 1) { wrong.push("the navigation says of several pages that they are this one"); }
  }
  let level = 0;
  for (const h of document.querySelectorAll("h1,h2,h3,h4,h5,h6")) {
    const now = Number(h.tagName[1]);
    if (now > level + 1) { wrong.push(`${name(h)} comes after a heading of level ${level}`); }
    if (!h.textContent.trim()) { wrong.push(`${name(h)} is empty`); }
    level = now;
  }
  const ids = new Map();
  for (const e of document.querySelectorAll("[id]")) { ids.set(e.id, (ids.get(e.id) || 0) + 1); }
  for (const [id, n] of ids) { if (n > 1) { wrong.push(`the id ${id} is there ${n} times`); } }
  for (const e of document.querySelectorAll("[aria-labelledby],[aria-describedby]")) {
    for (const id of (e.getAttribute("aria-labelledby") || e.getAttribute("aria-describedby")).split(/\s+/)) {
      if (!ids.has(id)) { wrong.push(`${name(e)} is named by ${id}, which is not there`); }
    }
  }
  const named = (e) => (e.getAttribute("aria-label") || e.textContent || "").trim() !== "" ||
    e.getAttribute("aria-labelledby") || (e.labels && [...e.labels].some((l) => l.textContent.trim()));
  for (const e of document.querySelectorAll("a[href],button,input:not([type=hidden]),select,textarea,[role=region],[role=img],nav,section")) {
    const field = ["INPUT", "SELECT", "TEXTAREA"].includes(e.tagName);
    const says = field ? (e.labels && [...e.labels].some((l) => l.textContent.trim())) || e.getAttribute("aria-label") :
      ["NAV", "SECTION"].includes(e.tagName) || e.getAttribute("role") ? e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") : named(e);
    if (!says) { wrong.push(`${name(e)} has no name`); }
  }
  for (const e of document.querySelectorAll("svg")) {
    if (e.getAttribute("role") !== "img" || !e.getAttribute("aria-label")) { wrong.push("a picture has no words"); }
  }
  for (const t of document.querySelectorAll("table")) {
    if (!t.caption || !t.caption.textContent.trim()) { wrong.push(`${name(t)} has no caption`); }
    for (const h of t.querySelectorAll("th")) { if (!h.scope) { wrong.push(`${name(h)} has no scope`); } }
    const columns = t.tHead ? t.tHead.rows[0].cells.length : 0;
    for (const r of t.tBodies[0]?.rows || []) {
      if (columns && r.cells.length !== columns) { wrong.push(`a row of ${r.cells.length} cells under ${columns} heads`); }
    }
  }
  for (const c of document.querySelectorAll("td,th")) {
    if (/\p{L}{5}/u.test(c.textContent) && c.clientWidth < 40 || c.textContent.trim().length > 12 && c.clientWidth < 60) { wrong.push(`${name(c)} is squeezed to ${c.clientWidth}`); }
  }
  for (const list of document.querySelectorAll("ul,ol")) {
    for (const c of list.children) { if (c.tagName !== "LI") { wrong.push(`${name(c)} is in a list and no item`); } }
  }
  if (document.querySelector("[tabindex]:not([tabindex='0']):not([tabindex='-1'])")) { wrong.push("something changes the order of the keyboard"); }
  // What scrolls must be reachable by keyboard.
  for (const e of document.querySelectorAll("body *")) {
    if (e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(e).overflowX) && e.tabIndex < 0) {
      wrong.push(`${name(e)} scrolls and has no focus`);
    }
  }
  // What is pressed is large enough for a finger (WCAG 2.2, 2.5.8), but for links in
  // running text.
  for (const e of document.querySelectorAll("a[href],button,input:not([type=hidden]),select,textarea")) {
    const box = e.getBoundingClientRect();
    if (!visible(e) || box.right < 0 || e.tagName === "A" && getComputedStyle(e).display === "inline") { continue; }
    if (box.height < 24 || box.width < 24) {
      if (e.type === "checkbox" && e.labels[0]?.getBoundingClientRect().height + box.height >= 24) { continue; }
      wrong.push(`${name(e)} is ${Math.round(box.width)} by ${Math.round(box.height)}`);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) { wrong.push(`the page is ${document.documentElement.scrollWidth} wide in a window of ${innerWidth}`); }
  // Contrast of text with what is behind it (WCAG 2, 1.4.3).
  const parse = (c) => {
    const m = /rgba?\(([\d.]+)[, ]+([\d.]+)[, ]+([\d.]+)(?:[,/ ]+([\d.]+))?\)/.exec(c);
    return m ? [Number(m[1]), Number(m[2]), Number(m[3]), m[4] === undefined ? 1 : Number(m[4])] : null;
  };
  const light = ([r, g, b]) => {
    const f = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c && c[3] === 1) { return c; }
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
  };
  const texts = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() && visible(e) && !["SCRIPT", "STYLE", "TITLE", "OPTION"].includes(e.tagName)) { texts.add(e); }
  }
  for (const e of texts) {
    const style = getComputedStyle(e);
    const colour = parse(e.namespaceURI.endsWith("svg") ? style.fill : style.color);
    if (!colour) { continue; }
    const [a, b] = [light(colour), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
    if (ratio < (large ? 3 : 4.5)) { wrong.push(`${name(e)} has a contrast of ${ratio.toFixed(2)}`); }
  }
  // The edge of a field with what is around it (1.4.11).
  for (const e of document.querySelectorAll("input:not([type=hidden]),select,textarea")) {
    const [a, b] = [light(parse(getComputedStyle(e).borderTopColor)), light(behind(e.parentElement))].sort((x, y) => y - x);
    if (visible(e) && (a + 0.05) / (b + 0.05) < 3) { wrong.push(`the edge of ${name(e)} has a contrast of ${((a + 0.05) / (b + 0.05)).toFixed(2)}`); }
  }
  return wrong;
})()
