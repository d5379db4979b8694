// The frame: which world and which view, by the address; the clock, the search, the keys; and when to read anew.

import { ask, get, listen } from "./api.js";
import { $, h, number, setToday, show } from "./dom.js";
import { VIEWS } from "./views.js";

const FIRST = "orders";
// A view that takes long to read is read less often, a fifth of the time; milliseconds from one reading to the next.
const REST = 4;
const [SOON, LATE] = [60, 1000];
const ADVANCES = [["1m", "1 min"], ["1h", "1 hour"], ["1d", "1 day"], ["30d", "30 days"], ["next", "what is due next"]];
const KEYS = [["/", "search"], ["↓ ↑ Home End", "walk along a list"], ["Enter", "open"], ["Backspace", "back to the list"], ["1 to 9", "views, in their order"], ["t", "light, dark, or as the system has it"], ["Esc", "leave the search, close what is open"], ["?", "these keys"]];
const THEMES = { auto: ["light", "◐"], light: ["dark", "○"], dark: ["auto", "●"] };

let place = {};
let view = null;
let summary = null;
// Fulfilled once the summary of this world was read.
let ready = null;
let hang = () => {};
let clock = { now: null, frozen: true, heard: 0 };

// #/WORLD/VIEW/ID?text=...&status=...
function parse() {
  const [path, query = ""] = location.hash.slice(1).split("?");
  const [, world, name, ...id] = path.split("/").map((part) => decodeURIComponent(part.replace(/%(?![0-9a-f]{2})/gi, "%25")));
  return { world: world || "default", view: Object.hasOwn(VIEWS, name ?? "") ? name : FIRST, id: id.join("/"), params: new URLSearchParams(query) };
}

const href = (world, name, id, params) => {
  const query = params?.toString();
  return `#/${[world, name, ...(id ? [id] : [])].map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
};

// What a view is handed.
const context = () => ({
  ...place,
  get summary() { return summary; },
  ready,
  scroller: $("main"),
  refresh: () => refresh(),
  doing,
  to: (name, id) => href(place.world, name, id),
  get params() { return place.params; },
  here: (changes) => {
    const params = new URLSearchParams(Object.keys(changes).length ? place.params : "");
    for (const [name, value] of Object.entries(changes)) value == null ? params.delete(name) : params.set(name, value);
    return href(place.world, place.view, "", params);
  },
});

// Reading: one at a time, soon after a change, and never all the time.
let reading = null;
let again = false;
let timer = 0;
let rested = 0;

function changed() {
  if (reading) again = true;
  else timer ||= setTimeout(refresh, Math.max(0, rested - performance.now()));
}

async function refresh() {
  clearTimeout(timer);
  timer = 0;
  if (reading) {
    again = true;
    return reading.done;
  }
  const began = performance.now();
  const abort = new AbortController();
  const mine = (reading = { abort });
  mine.done = view.refresh(abort.signal).then(() => complain(null, "reading"), (error) => {
    if (error.name !== "AbortError") complain(error.status === 404 ? "It is not there any more." : error.status ? error.message : "The server does not answer.", "reading");
  });
  await mine.done;
  if (reading !== mine) return;
  reading = null;
  rested = performance.now() + Math.min(LATE, Math.max(SOON, REST * (performance.now() - began)));
  if (again) {
    again = false;
    changed();
  }
}

// One sentence at the foot of the page; nothing takes away what something else said.
function complain(sentence, about) {
  const toast = $("toast");
  if (!sentence && toast.dataset.about !== about) return;
  toast.dataset.about = about;
  toast.hidden = !sentence;
  toast.textContent = sentence;
}

// Do what a hand has asked for; what is refused is said, and null.
async function doing(action) {
  try {
    const done = await action();
    readSummary();
    refresh();
    return done;
  } catch (error) {
    complain(error.message, "doing");
    setTimeout(complain, 6000, null, "doing");
    return null;
  }
}

// The frame.
async function readSummary() {
  const found = await get(place.world, "/page/summary").catch((error) => {
    if (error.status === 404 && place.world !== "default") location.hash = href("default", place.view);
    return null;
  });
  if (!found || found.world !== place.world) return;
  summary = found;
  setClock(found.clock);
  show($("world"), [found.worlds, found.world], () => found.worlds.map((id) => h("option", { selected: id === found.world }, id)));
  $("reset").disabled = found.world === "default";
  $("resettable").textContent = found.world === "default" ? "The default world stays as it is; POST /worlds makes one that can be reset." : "Back to where it began: the same authority, nothing else.";
  drawNav();
}

let summaryTimer = 0;
const summarySoon = () => { summaryTimer ||= setTimeout(() => { summaryTimer = 0; readSummary(); }, 400); };

function drawNav() {
  const current = VIEWS[place.view].within ?? place.view;
  show($("nav"), [place.world, current, summary?.counts], () =>
    Object.entries(VIEWS).filter(([, about]) => !about.within).map(([name, about]) =>
      h("a", { href: href(place.world, name), "data-key": name, "aria-current": name === current ? "page" : null },
        about.title, about.counts && summary ? h("b", {}, number(summary.counts[about.counts])) : null)));
}

function setClock(told) {
  setToday(told.now);
  clock = { now: Date.parse(told.now), frozen: told.frozen, heard: performance.now() };
  $("freeze").textContent = told.frozen ? "Let it run" : "Freeze";
  tick();
}

function tick() {
  if (clock.now === null) return;
  const now = new Date(clock.frozen ? clock.now : clock.now + performance.now() - clock.heard).toISOString();
  $("day").textContent = now.slice(0, 10);
  $("now").textContent = now.slice(11, 19);
  $("clock").dataset.frozen = clock.frozen;
  $("stands").textContent = clock.frozen ? "It stands still; it goes on when it is let, or is advanced." : "It runs.";
}

// The way from an address to a view.
function go() {
  const before = place;
  place = parse();
  const { search } = VIEWS[place.view];
  const moved = ["world", "view", "id"].some((name) => before[name] !== place[name]);
  $("search").disabled = !search || Boolean(place.id);
  if (document.activeElement !== $("search")) $("search").value = place.params.get("text") ?? "";
  if (!moved) {
    $("main").scrollTop = 0;
    restart();
    return;
  }
  if (before.world !== place.world) {
    summary = null;
    hang();
    hang = listen(place.world, hear, stand);
  }
  if (!summary) ready = readSummary();
  drawNav();
  begin();
}

function begin() {
  view?.close?.();
  const about = VIEWS[place.view];
  const make = place.id && about.one ? about.one : about.list;
  view = make(context());
  view.wants ??= about.wants;
  $("main").replaceChildren(...(view.element.querySelector("h1") || place.id ? [] : [h("h1", { class: "unseen" }, about.title)]), view.element);
  $("main").scrollTop = 0;
  document.title = `${place.id || about.title} · gravel`;
  restart();
}

function restart() {
  reading?.abort.abort();
  reading = null;
  again = false;
  rested = 0;
  refresh();
}

function hear(change) {
  if (change.clock) setClock(change.clock);
  if (change.anew || change.facts.length || change.parts.length) summarySoon();
  if (view && (change.anew || view.wants(change))) changed();
}

function stand(state) {
  $("live").dataset.state = state;
  $("live").textContent = state;
}

// Hands.
function theme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem("theme", name);
  $("theme").textContent = THEMES[name][1];
  $("theme").title = `Theme: ${name}`;
}

function help() {
  const dialog = $("help");
  show(dialog, KEYS, () => [h("h2", { id: "help-title" }, "Keys"), h("dl", {}, KEYS.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])), h("form", { method: "dialog", class: "buttons" }, h("button", { class: "main" }, "Close"))]);
  if (!dialog.open) dialog.showModal();
}

const onClock = (body) => doing(() => ask(place.world, "POST", "/clock", body)).then((told) => told && setClock(told));

function searching() {
  const params = new URLSearchParams(place.params);
  const text = $("search").value;
  text ? params.set("text", text) : params.delete("text");
  history.replaceState(null, "", href(place.world, place.view, "", params));
  go();
}

async function pressed(event) {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (target === $("search")) {
    if (key === "Escape") {
      if ($("search").value) {
        $("search").value = "";
        searching();
      }
      $("search").blur();
    } else if (key !== "ArrowDown") return;
  } else if (target.matches("input, textarea, select")) return;
  const views = Object.keys(VIEWS).filter((name) => !VIEWS[name].within);
  const does = {
    "/": () => $("search").focus(),
    "?": help,
    t: () => theme(THEMES[document.documentElement.dataset.theme][0]),
    Backspace: () => place.id && (location.hash = href(place.world, place.view)),
  }[key] ?? (/^[1-9]$/.test(key) && views[key - 1] ? () => (location.hash = href(place.world, views[key - 1])) : null);
  if (does) {
    event.preventDefault();
    does();
  } else if (view?.key && ["ArrowDown", "ArrowUp", "Home", "End"].includes(key)) {
    if (view.walks) event.preventDefault();
    await view.key(key);
  }
}

function start() {
  theme(localStorage.getItem("theme") in THEMES ? localStorage.getItem("theme") : "auto");
  $("advance").append(...ADVANCES.map(([by, title]) => h("button", { onclick: () => onClock({ advance: by }) }, title)));
  $("freeze").addEventListener("click", () => onClock({ freeze: !clock.frozen }));
  $("reset").addEventListener("click", () => confirm(`Reset the world ${place.world}? All that happened in it is lost.`) && doing(() => ask(place.world, "POST", "/reset")));
  $("theme").addEventListener("click", () => theme(THEMES[document.documentElement.dataset.theme][0]));
  $("keys").addEventListener("click", help);
  $("world").addEventListener("change", ({ target }) => { location.hash = href(target.value, place.view); });
  let typed = 0;
  $("search").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(searching, 120); });
  addEventListener("keydown", pressed);
  addEventListener("hashchange", go);
  addEventListener("resize", () => view && changed());
  setInterval(tick, 1000);
  go();
}

start();
