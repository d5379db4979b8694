// The scheduler: who holds the slots, who waits for whom, and how full it was.

import { get } from "./api.js";
import { empty, facts, h, kind, number, pill, s, shape, show, time, words } from "./dom.js";
import { explain, whyPanel } from "./explain.js";

// More slots than these are drawn without words.
const SPACIOUS = 120;
// A picture of so many moments, the last ones.
const MOMENTS = 240;

// A challenge keeps its place on the grid as long as it holds its slot.
function places(held, maximum, before) {
  const free = [];
  const grid = Array.from({ length: Math.max(maximum, held.length) }, () => null);
  const known = new Map(held.map((each) => [each.id, each]));
  for (const [place, id] of before) {
    if (known.has(id) && place < grid.length) {
      grid[place] = known.get(id);
      known.delete(id);
    }
  }
  grid.forEach((each, place) => each || free.push(place));
  for (const each of known.values()) grid[free.shift()] = each;
  return grid;
}

const cell = (choose, chosen) => (each, place) => each
  ? h("li", {}, h("button", {
    class: `slot ${kind(each.stage)}`, "data-key": each.id, "aria-pressed": String(each.id === chosen), onclick: () => choose(each.id),
    title: `${each.id}: ${words(each.stage)} ${each.reason}`,
  }, h("i", { "aria-hidden": "true" }, shape(each.stage)), h("span", {}, each.name), h("small", {}, `${words(each.stage)} ${each.type}${each.checks > 1 ? ` ×${each.checks}` : ""}`)))
  : h("li", { class: "slot free", title: `slot ${place + 1} is free` });

const detail = (each) => [
  h("h2", {}, each.name, pill(each.stage)),
  facts(["Challenge", h("code", {}, each.id)], ["Type", each.type], ["Says", each.reason], ["Self-checks", each.checks || null], ["Errors in a row", each.failures || null], ["Queued", time(each.queued)]),
];

export function sparkline(moments, maximum) {
  const shown = moments.slice(-MOMENTS);
  if (shown.length < 2) return h("p", { class: "soft" }, "Nothing has moved yet.");
  const [from, to] = [Date.parse(shown[0][0]), Date.parse(shown.at(-1)[0])];
  const x = (at) => (to === from ? 0 : ((Date.parse(at) - from) / (to - from)) * 600);
  const highest = Math.max(1, ...shown.map(([, slots]) => slots));
  const y = (slots) => 60 - (slots / highest) * 54;
  let line = `M0 ${y(shown[0][1])}`;
  for (const [at, slots] of shown.slice(1)) line += `H${x(at).toFixed(1)}V${y(slots).toFixed(1)}`;
  return h("figure", { class: "spark" },
    s("svg", { viewBox: "0 0 600 64", preserveAspectRatio: "none", role: "img", "aria-label": `slots in use, at most ${highest} of ${maximum}` },
      s("path", { class: "area", d: `${line}V62H0Z` }), s("path", { class: "line", d: line })),
    h("figcaption", {}, time(shown[0][0], 1), h("span", {}, `slots in use, at most ${highest} of ${maximum}`), time(shown.at(-1)[0], 1)));
}

export function scheduler(context) {
  const [head, grid, line, queue] = [h("div", {}), h("ol", { class: "slots", "aria-label": "Slots" }), h("div", {}), h("div", {})];
  const [one, why] = [h("div", {}), whyPanel()];
  const about = h("article", { hidden: true }, one, why);
  const page = h("div", {}, head, line, grid, about, queue);
  const element = h("section", { class: "page" }, h("h1", {}, "Scheduler"), page);
  let taken = new Map();
  let chosen = null;
  const choose = (id) => {
    chosen = id === chosen ? null : id;
    context.refresh();
  };
  const waits = (each) => each.held_by ? ["for ", h("b", {}, each.held_by), h("span", { class: "soft" }, ", the same name and type")] : h("span", { class: "soft" }, "for a slot");
  const drawQueue = (it) => [
    h("h2", { class: "part" }, "Queue ", h("span", { class: "soft" }, number(it.waiting))),
    it.queue.length ? h("table", { class: "plain" },
      h("thead", {}, h("tr", {}, ["Name", "Type", "Since", "Waits"].map((title) => h("th", { scope: "col" }, title)), h("th", { scope: "col", class: "wide" }, "Challenge"))),
      h("tbody", {}, it.queue.map((each) => h("tr", {}, h("td", { class: "nowrap" }, each.name), h("td", { class: "nowrap" }, each.type), h("td", { class: "nowrap" }, time(each.queued)), h("td", {}, waits(each)), h("td", { class: "mono soft wide" }, each.id)))))
      : h("p", { class: "soft" }, "Nobody waits. Of two challenges for the same name and type the older goes first; at most ", String(it.maximum), " run at once."),
    it.waiting > it.queue.length && h("p", { class: "soft" }, `and ${number(it.waiting - it.queue.length)} more`),
  ];
  return {
    element,
    refresh: async (signal) => {
      const it = await get(context.world, "/page/scheduler", signal);
      page.hidden = !it;
      if (!it) {
        if (!element.querySelector(".empty")) element.append(empty("No scheduler works here", h("p", {}, h("code", {}, "gravel up"), " starts cert-manager's challenge queue, on the default world: it presents challenges, checks them and tells the server, ", "60 at a time.")));
        return;
      }
      show(head, [it.slots.length, it.maximum, it.waiting, it.ends], () => h("p", { class: "figures" },
        h("span", {}, h("b", {}, `${it.slots.length}`), ` of ${it.maximum} slots in use`), h("span", {}, h("b", {}, number(it.waiting)), " waiting"),
        Object.entries(it.ends).map(([state, ended]) => h("span", {}, h("b", {}, number(ended)), " ", pill(state || "done")))));
      const placed = places(it.slots, it.maximum, taken);
      taken = new Map(placed.flatMap((each, place) => (each ? [[place, each.id]] : [])));
      grid.classList.toggle("tight", it.maximum > SPACIOUS);
      show(grid, [placed, chosen], () => placed.map(cell(choose, chosen)));
      const picked = it.slots.find((each) => each.id === chosen);
      about.hidden = !picked;
      if (picked) show(one, picked, detail);
      show(line, it.recent, () => sparkline(it.recent, it.maximum));
      show(queue, [it.queue, it.waiting], () => drawQueue(it));
      if (picked) await explain(context, why, `challenge/${chosen}`, signal);
    },
  };
}
