// The little that helps where JavaScript is on. Everything works without it.
"use strict";

// Times in the viewer's zone: where the text is relative it stays, and the hover has the exact instant.
function localTimes(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const minute = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false };
  const short = new Intl.DateTimeFormat("en-GB", minute), long = new Intl.DateTimeFormat("en-GB", { ...minute, year: "numeric" });
  for (const t of root.querySelectorAll("time[datetime]")) {
    const at = new Date(t.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    t.title = format.format(at);
    if ("exact" in t.dataset) t.textContent = (Date.now() - at > 300 * 24 * 3600e3 ? long : short).format(at);
  }
}

// Copy buttons appear only where they can work.
function copyButtons(root) {
  if (!navigator.clipboard) return;
  for (const b of root.querySelectorAll("[data-copy]")) {
    b.hidden = false;
    b.addEventListener("click", async () => {
      await navigator.clipboard.writeText(b.dataset.copy);
      const text = b.textContent;
      b.textContent = "Copied";
      setTimeout(() => { b.textContent = text; }, 1500);
    });
  }
}

// Filters take effect when they are chosen with a pointer, so that their button goes. Whoever walks through the choices with the keyboard
// is not taken away at each of them: the button comes back.
function quickFilters(root) {
  for (const form of root.querySelectorAll("form.filters[method=get]")) {
    const button = form.querySelector("button");
    let walks = false;
    button.classList.add("hidden");
    form.addEventListener("pointerdown", () => { walks = false; });
    form.addEventListener("keydown", () => { walks = true; });
    form.addEventListener("change", () => {
      if (walks) button.classList.remove("hidden");
      else form.requestSubmit(button);
    });
  }
}

// A button that removes stays off until the number is typed.
function typedConfirmations(root) {
  for (const input of root.querySelectorAll("input[data-confirm]")) {
    const button = input.form.querySelector("button[type=submit], button:not([type])");
    const check = () => { button.disabled = input.value.trim() !== input.dataset.confirm; };
    input.addEventListener("input", check);
    check();
  }
}

// Keys: / and ⌘K search; j and k walk through rows, Enter opens; a and d go to approve and discard.
function keys(event) {
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  const search = document.getElementById("q");
  if ((event.metaKey || event.ctrlKey) && event.key === "k" && search) {
    event.preventDefault();
    search.select();
    return;
  }
  if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.key === "/" && search) {
    event.preventDefault();
    search.select();
  } else if (event.key === "j" || event.key === "k") {
    const rows = [...document.querySelectorAll("tr.link a.row, .line a.row")];
    if (rows.length === 0) return;
    const at = rows.indexOf(document.activeElement);
    const next = event.key === "j" ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0);
    rows[next].focus();
  } else if (event.key === "a" || event.key === "d") {
    const target = document.querySelector(`[data-key="${event.key}"]`);
    if (target) target.focus();
  }
}

// A run's progress, told by the server as it goes. When it ends the page is read again; so is a list that a run has ended behind the
// back of, once.
function progress(root) {
  for (const box of root.querySelectorAll("[data-progress]")) {
    const source = new EventSource(box.dataset.progress);
    const step = box.querySelector("[data-step]"), count = box.querySelector("[data-count]"), bar = box.querySelector("progress");
    const list = box.closest("[data-newest]");
    let ran = false;
    source.addEventListener("message", (event) => {
      const p = JSON.parse(event.data);
      box.hidden = !p.running;
      if (step.textContent !== p.text) step.textContent = p.text; // what does not change is not read out again
      count.textContent = p.of > 0 ? `${p.count} of ${p.of}` : p.count || "";
      if (p.of > 0) { bar.max = p.of; bar.value = p.count; } else { bar.removeAttribute("value"); }
      const missed = list && p.run > list.dataset.newest && sessionStorage.getItem("run") !== p.run;
      if (!p.running && (ran || missed)) {
        sessionStorage.setItem("run", p.run);
        source.close();
        location.reload();
      }
      ran = p.running;
    });
  }
}

// A set-up page asks now and then what has arrived, and takes the new list in place.
function checklist(root) {
  const box = root.querySelector("[data-refresh]");
  if (!box) return;
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(box.dataset.refresh, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-refresh]");
      if (fresh && fresh.innerHTML !== box.innerHTML) { box.innerHTML = fresh.innerHTML; localTimes(box); }
    } catch { /* the next time may do */ }
  }, 3000);
}

document.addEventListener("keydown", keys);
document.addEventListener("DOMContentLoaded", () => {
  for (const enhance of [localTimes, copyButtons, quickFilters, typedConfirmations, progress, checklist]) enhance(document);
});
