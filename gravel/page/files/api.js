// The management API of one world: JSON by fetch, changes by server-sent events, read by fetch since they may want a token.

import { $ } from "./dom.js";

const DEFAULT = "default";
// Milliseconds: without a sign for so long, a stream is dead; waits between tries to open it again.
const SILENCE = 25_000;
const WAITS = [250, 500, 1000, 2000, 4000];

export const base = (world) => (world === DEFAULT ? "" : `/worlds/${encodeURIComponent(world)}`);

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

let asked;
function askForToken() {
  const dialog = $("token");
  asked ??= new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const field = dialog.querySelector("input");
      sessionStorage.setItem("token", field.value);
      field.value = "";
      asked = undefined;
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asked;
}

async function send(path, options = {}) {
  for (;;) {
    const token = sessionStorage.getItem("token");
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch(path, { ...options, headers });
    if (answer.ok) return answer;
    if (answer.status === 401) {
      await askForToken();
      continue;
    }
    const text = await answer.text();
    let said = text;
    try { said = JSON.parse(text).error ?? text; } catch { /* no JSON: the text says it */ }
    throw new Refused(answer.status, said || answer.statusText);
  }
}

export const get = async (world, path, signal) => (await send(base(world) + path, { signal })).json();

export async function ask(world, method, path, body) {
  const answer = await send(base(world) + path, { method, body: body && (typeof body === "string" ? body : JSON.stringify(body)) });
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

// Call `told` with each change of a world, with {anew: true} whenever the stream has begun; return what ends it.
// A hidden page does not listen: browsers open few connections to one host.
export function listen(world, told, stands) {
  let opened = new AbortController();
  let ended = false;

  async function read(signal) {
    const answer = await send(`${base(world)}/page/changes`, { signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let begun = false;
    for (;;) {
      const silence = setTimeout(() => opened.abort(), SILENCE);
      const { value, done } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      if (!begun) {
        begun = true;
        stands("live");
        told({ anew: true, facts: [], parts: [] });
      }
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) if (event.startsWith("data: ")) told(JSON.parse(event.slice(6)));
    }
  }

  async function keepOn() {
    let failed = 0;
    while (!ended) {
      if (document.hidden) {
        await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
        continue;
      }
      opened = new AbortController();
      const began = performance.now();
      try {
        await read(opened.signal);
      } catch (error) {
        if (error.status === 404) {
          stands("gone");
          return;
        }
      }
      if (ended) return;
      if (document.hidden) {
        stands("paused");
        continue;
      }
      stands("reconnecting");
      failed = performance.now() - began > 5000 ? 0 : failed + 1;
      await new Promise((resolve) => setTimeout(resolve, WAITS[Math.min(failed, WAITS.length) - 1] ?? WAITS[0]));
    }
  }

  const hide = () => document.hidden && opened.abort();
  document.addEventListener("visibilitychange", hide);
  keepOn();
  return () => {
    ended = true;
    document.removeEventListener("visibilitychange", hide);
    opened.abort();
  };
}
