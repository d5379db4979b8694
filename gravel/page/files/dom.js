// Elements out of values: text is only ever text, so that nothing from outside becomes markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
export const s = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);
export const $ = (id) => document.getElementById(id);

// Replace what an element holds, if it is not what it was; who had the focus keeps it, by its data-key.
export function show(element, value, draw) {
  const text = JSON.stringify(value);
  if (element.shown === text) return;
  element.shown = text;
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...[draw(value)].flat(Infinity).filter((child) => child != null && child !== false));
  if (key) [...element.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key)?.focus();
}

// A state is a shape, a colour and a word, so that no two rest on colour alone.
const SHAPES = {
  valid: "✓", issued: "✓", healthy: "✓", NOERROR: "✓", certificate: "✓",
  pending: "○", waiting: "○", queued: "○", ready: "◔",
  processing: "◐", starting: "◔", fetching: "◔", presenting: "◑", checking: "◑", accepting: "◕", validating: "◕",
  cleaning_up: "◕", releasing: "◕", stuck: "◍",
  invalid: "✕", failed: "✕", revoked: "✕", errored: "✕",
};
const KINDS = { "✓": "good", "○": "idle", "✕": "bad", "◍": "busy" };

export const kind = (state) => {
  if (/^\d+$/.test(state)) return state < 400 ? "good" : "bad";
  return SHAPES[state] ? (KINDS[SHAPES[state]] ?? "busy") : state === state.toUpperCase() && state ? "bad" : "idle";
};
export const shape = (state) => SHAPES[state] ?? { good: "✓", bad: "✕", idle: "–" }[kind(state)];
export const pill = (state) =>
  h("span", { class: `pill ${kind(state)}` }, h("i", { "aria-hidden": "true" }, shape(state)), words(state));

export const words = (text) => String(text).replaceAll("_", " ");
export const sentence = (camel) => camel.replace(/(?<=[a-z0-9])([A-Z])/g, (letter) => " " + letter.toLowerCase());
export const number = (value) => value.toLocaleString("en");
export const count = (value, one, many = one + "s") => `${number(value)} ${value === 1 ? one : many}`;
export const named = (row) => row.names.join(", ") + (row.further ? ` and ${row.further} more` : "");

// Moments are UTC, as the server writes them; the day is left out where it is that of the world.
let today = "";
export const setToday = (now) => { today = now.slice(0, 10); };
export const time = (moment, fraction = 0) => {
  if (!moment) return "–";
  const clock = moment.slice(11, fraction ? 20 + fraction : 19).replace("Z", "");
  const text = moment.slice(0, 10) === today ? clock : `${moment.slice(0, 10)} ${clock.slice(0, 8)}`;
  return h("time", { datetime: moment, title: moment }, text);
};

export const facts = (...pairs) =>
  h("dl", {}, pairs.filter(([, value]) => value != null && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

export const copying = (text, label = "Copy") =>
  h("button", {
    "data-key": `copy ${text.slice(0, 64)}`,
    onclick: async ({ currentTarget: button }) => {
      await navigator.clipboard.writeText(text).catch(() => {});
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 1200);
    },
  }, label);

export const saving = (text, name, label = "Download") =>
  h("button", {
    "data-key": `save ${name}`,
    onclick: () => {
      const url = URL.createObjectURL(new Blob([text], { type: "application/x-pem-file" }));
      h("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    },
  }, label);

export const empty = (title, ...teaching) => h("div", { class: "empty" }, h("h2", {}, title), teaching);
