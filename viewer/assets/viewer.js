// The script of the viewer. Every page works without it; it adds the keyboard, a search that
// follows what is typed, and older records at the end of the list.
"use strict";

document.documentElement.classList.add("js");

const opens = () => Array.from(document.querySelectorAll("a.open"));

// move focuses the record that is so many after the focused one.
function move(step) {
  const all = opens();
  if (all.length === 0) return;
  const row = document.activeElement?.closest?.(".row");
  const at = row ? all.findIndex((a) => row.contains(a)) : -1;
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
  all[next].focus({ preventScroll: true });
  all[next].closest(".row").scrollIntoView({ block: "nearest" });
  if (next === all.length - 1) document.querySelector("[data-older]")?.click();
}

// A chart is one stop of the tab key: its newest bar, or the last one that had the focus.
function stop(bar) {
  for (const other of bar.closest("[data-bars]").querySelectorAll("a")) other.setAttribute("tabindex", other === bar ? 0 : -1);
}

// bar returns the bar to which a key moves from another one.
function bar(from, key) {
  const all = Array.from(from.closest("[data-bars]").querySelectorAll("a"));
  const at = all.indexOf(from);
  return { ArrowLeft: all[at - 1], ArrowRight: all[at + 1], Home: all[0], End: all.at(-1) }[key];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const typing = event.target.closest?.("input, select, textarea, dialog");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  switch (event.key) {
    case "ArrowLeft": case "ArrowRight": case "Home": case "End": {
      const from = event.target.closest?.("[data-bars] a");
      if (!from) return;
      const to = bar(from, event.key) ?? from;
      stop(to);
      to.focus();
      break;
    }
    case "/": {
      const search = document.querySelector("[data-search]");
      if (!search) return;
      search.focus();
      search.select();
      break;
    }
    case "j": move(1); break;
    case "k": move(-1); break;
    case "?": document.getElementById("keys")?.showModal(); break;
    default: return;
  }
  event.preventDefault();
});

// load fetches a page, and returns it and whether it is not an error page.
async function load(address, signal) {
  const response = await fetch(address, { headers: { Accept: "text/html" }, signal });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return [page, response.ok];
}

// Search while somebody types, with an address for each result.
for (const form of document.querySelectorAll("form[data-live]")) {
  let timer, running;
  const search = async () => {
    const params = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value.trim() !== "") params.append(name, value);
    const query = params.toString();
    const address = query ? "?" + query : "./";
    running?.abort();
    running = new AbortController();
    const results = document.getElementById("results");
    results.setAttribute("aria-busy", "true");
    try {
      const [page, ok] = await load(address, running.signal);
      const problem = page.querySelector(".notice-page");
      if (!ok && problem) { // such as a time that is not typed to its end
        results.replaceChildren(problem);
        return results.removeAttribute("aria-busy");
      }
      const found = page.getElementById("results");
      if (!ok || !found) return form.requestSubmit(); // such as a page to log in
      document.getElementById("results").replaceWith(found);
      const zone = page.querySelector("form.zone"); // it keeps the filter
      if (zone) document.querySelector("form.zone")?.replaceWith(zone);
      history.replaceState(null, "", address);
      watch();
    } catch (error) {
      if (error.name !== "AbortError") results.removeAttribute("aria-busy");
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 350);
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    running?.abort();
    for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
  });
}
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form[data-live] :disabled")) field.disabled = false;
});

// Older records are appended to the list when its end is near. The link stays a link.
let loading = false;
async function older(link) {
  if (loading) return;
  loading = true;
  link.setAttribute("aria-busy", "true");
  try {
    const [page, ok] = await load(link.href);
    if (!ok || !page.getElementById("list")) return location.assign(link.href);
    link.closest("p").before(...page.querySelectorAll("#results > .warning")); // these may be incomplete
    const days = page.querySelectorAll("#list > .day");
    const row = page.querySelector("#list > .day .row");
    if (row) pages.push({ row, address: link.href });
    for (const day of days) {
      const last = document.querySelector("#list > .day:last-of-type");
      const same = last && last.querySelector("time").dateTime === day.querySelector("time").dateTime;
      if (same) last.querySelector(".rows").append(...day.querySelectorAll(".row"));
      else link.closest("p").before(day);
    }
    const next = page.querySelector("[data-older]");
    if (next) link.href = next.href;
    else link.closest("p").remove();
  } finally {
    loading = false;
    link.removeAttribute("aria-busy");
  }
}

// The address is that of the page in view, so a reload, a shared link and the way back lead there.
// Then the page is at the top, and not where the longer list was.
let pages = [], first = location.href, scrolled = false;
function inView() {
  scrolled = false;
  const address = pages.findLast(({ row }) => row.getBoundingClientRect().top < innerHeight / 2)?.address ?? first;
  if (address === location.href) return;
  history.replaceState(null, "", address);
  history.scrollRestoration = address === first ? "auto" : "manual";
}
addEventListener("scroll", () => {
  if (pages.length === 0 || scrolled) return;
  scrolled = true;
  requestAnimationFrame(inView);
}, { passive: true });

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-older]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button > 0) return;
  event.preventDefault();
  older(link);
});

let observer;
function watch() {
  [pages, first] = [[], location.href];
  for (const chart of document.querySelectorAll("[data-bars]")) if (chart.querySelector("a")) stop(Array.from(chart.querySelectorAll("a")).at(-1));
  observer?.disconnect();
  const link = document.querySelector("[data-older]");
  if (!link || !("IntersectionObserver" in window)) return;
  observer = new IntersectionObserver((entries) => {
    if (scrollY > 0 && entries.some((e) => e.isIntersecting)) older(link);
  }, { rootMargin: "400px" });
  observer.observe(link);
}
watch();
