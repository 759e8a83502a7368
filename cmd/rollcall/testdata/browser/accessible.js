// Looks at the page that is shown and returns a list of what somebody who reads, hears or types it would stumble over.
(() => {
  const faults = [];
  const say = (rule, el, more) => faults.push(`${rule}: ${describe(el)}${more ? " " + more : ""}`);
  const describe = (el) => {
    if (!el) return "the page";
    const text = (el.textContent || el.getAttribute("name") || "").trim().replace(/\s+/g, " ").slice(0, 40);
    return `<${el.tagName.toLowerCase()}${el.className && el.className.baseVal === undefined ? "." + el.className : ""}> ${text}`;
  };
  const visible = (el) => {
    const box = el.getBoundingClientRect(), style = getComputedStyle(el);
    return box.width > 1 && box.height > 1 && style.visibility !== "hidden" && style.display !== "none";
  };

  // Page: language, title, one main heading, headings in order, landmarks, no id twice.
  if (!document.documentElement.lang) say("no language", null);
  if (!document.title.trim()) say("no title", null);
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((h) => h.offsetParent !== null);
  if (headings.filter((h) => h.tagName === "H1").length !== 1) say("not one h1", null);
  let level = 0;
  for (const h of headings) {
    const n = Number(h.tagName[1]);
    if (n > level + 1) say("heading skips a level", h);
    level = n;
    if (!h.textContent.trim()) say("empty heading", h);
  }
  if (document.querySelectorAll("main").length !== 1) say("not one main", null);
  for (const nav of document.querySelectorAll("nav")) if (!name(nav)) say("navigation without a name", nav);
  const ids = new Set();
  for (const el of document.querySelectorAll("[id]")) {
    if (ids.has(el.id)) say("id twice", el, el.id);
    ids.add(el.id);
  }
  for (const el of document.querySelectorAll("[aria-labelledby], [aria-describedby], label[for]")) {
    for (const attribute of ["aria-labelledby", "aria-describedby", "for"]) {
      for (const id of (el.getAttribute(attribute) || "").split(/\s+/)) if (id && !document.getElementById(id)) say(attribute + " leads nowhere", el, id);
    }
  }

  // Everything that can be used has a name.
  function name(el) {
    const by = el.getAttribute("aria-labelledby");
    if (by) return by.split(/\s+/).map((id) => (document.getElementById(id) || {}).textContent || "").join(" ").trim();
    const label = el.getAttribute("aria-label");
    if (label) return label.trim();
    if (el.labels && el.labels.length) return [...el.labels].map((l) => l.textContent).join(" ").trim();
    return (el.textContent || "").trim() || (el.getAttribute("title") || "").trim();
  }
  for (const el of document.querySelectorAll("a[href], button, summary, select, textarea, input:not([type=hidden])")) {
    if (el.offsetParent === null) continue;
    const named = el.matches("input, select, textarea") ? (el.labels && el.labels.length > 0) || el.getAttribute("aria-label") || el.getAttribute("aria-labelledby") : name(el);
    if (!named) say("no name", el);
  }
  for (const el of document.querySelectorAll("svg:not([aria-hidden])")) {
    if (el.getAttribute("role") !== "img" || !el.querySelector("title")) say("picture without words", el);
  }
  for (const el of document.querySelectorAll("img:not([alt])")) say("image without alt", el);

  // Tables: named, and every heading says what of.
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption && !labelled(table) && !labelled(table.closest("[role=region]"))) say("table without a caption", table);
    for (const th of table.querySelectorAll("th")) if (!th.scope) say("heading cell without scope", th);
  }
  function labelled(el) { return el && (el.getAttribute("aria-label") || el.getAttribute("aria-labelledby")); }

  // A status is told in words, not by a colour or shape alone.
  for (const el of document.querySelectorAll(".status")) {
    if (!/[\p{L}]/u.test([...el.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join(""))) say("status without a word", el);
  }

  // What scrolls by itself can be reached by the keyboard.
  for (const el of document.querySelectorAll("body *")) {
    const style = getComputedStyle(el);
    if ((style.overflowX === "auto" || style.overflowX === "scroll") && el.scrollWidth > el.clientWidth + 1 && el.tabIndex < 0 && !el.querySelector("a[href], button, input, select, summary")) say("scrolls, and cannot be focused", el);
  }

  // Contrast, WCAG 2.2 AA: 4.5 to 1 for text, 3 to 1 for large text and for the edges of what is typed into.
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const seen = new Map();
  const rgba = (colour) => {
    if (!seen.has(colour)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      seen.set(colour, [r, g, b, a / 255]);
    }
    return seen.get(colour);
  };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3]));
  const ground = (el) => {
    const layers = [];
    for (let at = el; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255]);
  };
  const light = (c) => {
    const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
  const told = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const el = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !visible(el) || el.closest("[disabled], script, style, .hidden, .skip, [aria-hidden=true]")) continue;
    const style = getComputedStyle(el), under = ground(el);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const r = ratio(over(rgba(style.color), under), under);
    if (r < (large ? 3 : 4.5)) {
      const key = style.color + under;
      if (!told.has(key)) { told.add(key); say("contrast " + r.toFixed(2), el); }
    }
  }
  for (const el of document.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea")) {
    if (visible(el) && ratio(over(rgba(getComputedStyle(el).borderTopColor), ground(el.parentElement)), ground(el.parentElement)) < 3) say("edge too faint", el);
  }

  // Nothing is wider than the window.
  if (document.scrollingElement.scrollWidth > innerWidth + 1) {
    const wide = [...document.querySelectorAll("body *")].find((el) => el.getBoundingClientRect().right > innerWidth + 1 && !el.closest(".scroll, pre, .side nav"));
    say("wider than the window", wide, `${document.scrollingElement.scrollWidth} of ${innerWidth}`);
  }
  return faults;
})()
