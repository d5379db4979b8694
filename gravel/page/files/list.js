// A long table through a window: the server sends the rows that are seen, and some around them.

import { get } from "./api.js";
import { h, kind, number, setToday, shape, show, words } from "./dom.js";

// Rows around those that are seen, and the most that the server sends at once.
const AROUND = 30;
const MOST = 500;
// All are counted anew so many milliseconds after a change, and at most a fifth of the time.
const COUNTED = 400;
const REST = 4;

export class List {
  // about: {path, columns: [{title, class, cell}], link(row) or none, none(page): what stands there without rows}
  constructor(context, about) {
    Object.assign(this, { context, about, first: 0, current: 0, rows: new Map(), page: null });
    const heads = about.columns.map((column) => h("th", { scope: "col", class: column.class }, column.title));
    this.top = h("tr", { class: "space", "aria-hidden": "true" });
    this.bottom = h("tr", { class: "space", "aria-hidden": "true" });
    this.body = h("tbody", {}, this.top, this.bottom);
    this.table = h("table", { class: `rows ${about.class ?? ""}` }, h("thead", {}, h("tr", {}, heads)), this.body);
    this.chips = h("div", { class: "chips", role: "group", "aria-label": "Filter by status" });
    this.none = h("div", {});
    this.element = h("section", { class: "list" }, this.chips, this.table, this.none);
    this.scrolled = () => this.scroll();
    context.scroller.addEventListener("scroll", this.scrolled, { passive: true });
    this.body.addEventListener("focusin", ({ target }) => { this.current = this.indexOf(target.closest("tr")) ?? this.current; });
  }

  close() {
    clearTimeout(this.counting);
    this.closed = true;
    this.context.scroller.removeEventListener("scroll", this.scrolled);
  }

  get height() {
    return parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 34;
  }

  // The rows that are seen, by number.
  seen() {
    const box = this.context.scroller;
    const above = Math.max(0, box.scrollTop - this.table.offsetTop);
    const first = Math.floor(above / this.height);
    return [first, first + Math.ceil(box.clientHeight / this.height)];
  }

  scroll() {
    if (!this.page || this.scrolling) return;
    const [from, to] = this.seen();
    const last = Math.min(to, this.page.matching);
    if (from >= this.first && last <= this.first + this.page.rows.length) return;
    this.scrolling = true;
    this.read().then(() => { this.scrolling = false; this.scroll(); }, () => { this.scrolling = false; });
  }

  // The rows come first, how many there are of each status soon after.
  async refresh(signal) {
    const { params } = this.context;
    const whole = params.get("text") || params.get("status");
    await this.read(signal, whole);
    if (!whole) this.counting ||= setTimeout(() => this.count(), this.page?.statuses ? COUNTED : 0);
  }

  async count() {
    const began = performance.now();
    await this.read(undefined, true).catch(() => {});
    const rest = REST * (performance.now() - began);
    this.counting = setTimeout(() => { this.counting = 0; if (this.uncounted && !this.closed) this.count(); }, rest);
  }

  async read(signal, counted = false) {
    const { world, params } = this.context;
    const [from, to] = this.seen();
    const first = Math.max(0, from - AROUND);
    const query = new URLSearchParams({ first, count: Math.min(MOST, to - first + AROUND), counted: counted ? 1 : 0 });
    for (const name of ["text", "status"]) if (params.get(name)) query.set(name, params.get(name));
    this.uncounted = !counted;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const page = await get(world, `${this.about.path}?${query}`, signal);
    if (!page.matching) await this.context.ready;
    // A later question has a later answer.
    if (turn !== this.turn || this.closed) return;
    const same = this.page && params.toString() === this.params;
    const grown = same ? page.matching - this.page.matching : 0;
    if (same) page.statuses ??= this.page.statuses;
    this.params = params.toString();
    this.draw(page, first);
    // Who reads further down goes on reading the same rows.
    if (grown > 0 && from > 0) this.context.scroller.scrollTop += grown * this.height;
  }

  draw(page, first) {
    setToday(page.now);
    const rows = page.rows.map((row, place) => this.row(row, first + place));
    let next = this.top.nextSibling;
    for (const row of rows) {
      if (row === next) next = next.nextSibling;
      else this.body.insertBefore(row, next);
    }
    while (next !== this.bottom) {
      const gone = next;
      next = next.nextSibling;
      this.rows.delete(gone.dataset.id);
      gone.remove();
    }
    Object.assign(this, { page, first });
    this.top.style.height = `${first * this.height}px`;
    this.bottom.style.height = `${Math.max(0, page.matching - first - rows.length) * this.height}px`;
    if (!this.body.querySelector("a[tabindex='0']")) this.body.querySelector("a")?.setAttribute("tabindex", 0);
    this.table.hidden = !page.matching;
    this.table.setAttribute("aria-rowcount", page.matching + 1);
    this.drawChips(page);
    const searching = this.context.params.get("text") || this.context.params.get("status");
    const nothing = page.matching ? [] : searching ? [h("p", { class: "nothing" }, "Nothing fits. ", h("a", { href: this.context.here({}) }, "Show all"))] : [this.about.none(page)];
    this.none.replaceChildren(...nothing);
    this.about.drawn?.(page);
  }

  row(data, index) {
    const text = JSON.stringify(data);
    const id = String(data.id);
    let row = this.rows.get(id);
    if (row?.text !== text) {
      const focused = row?.contains(document.activeElement);
      const cells = this.about.columns.map(({ class: style, cell }) => h("td", { class: style }, cell(data)));
      row ??= h("tr", { "data-id": id });
      row.text = text;
      row.replaceChildren(...cells);
      this.rows.set(id, row);
      if (focused) row.querySelector("a")?.focus();
    }
    row.setAttribute("aria-rowindex", index + 2);
    const link = row.querySelector("a");
    if (link) link.tabIndex = index === this.current ? 0 : -1;
    return row;
  }

  drawChips(page) {
    const { params, here } = this.context;
    const chosen = params.get("status") ?? "";
    const known = Object.entries(page.statuses ?? {}).filter(([status]) => status);
    if (chosen && !page.statuses?.[chosen]) known.push([chosen, 0]);
    const chip = ([status, count]) => {
      const on = status === chosen;
      return h("a", {
        class: `chip ${status && kind(status)}`, href: here(on || !status ? { status: null } : { status }), "data-key": `chip ${status}`,
        "aria-current": on ? "true" : null,
      }, shape(status) !== "–" && status && h("i", { "aria-hidden": "true" }, shape(status)), status ? words(status) : "all", h("b", {}, number(count)));
    };
    const all = Object.values(page.statuses ?? {}).reduce((sum, count) => sum + count, 0);
    const chips = known.length > 1 || chosen ? [["", all], ...known.sort()].map(chip) : [];
    show(this.chips, [chosen, chips.length && known, all, params.toString()], () => chips);
  }

  indexOf(row) {
    return row?.hasAttribute("aria-rowindex") ? Number(row.getAttribute("aria-rowindex")) - 2 : undefined;
  }

  // Arrows, Home and End walk along the rows that lead somewhere; without such, they scroll.
  async key(name) {
    const inside = this.body.contains(document.activeElement);
    const last = (this.page?.matching ?? 0) - 1;
    const to = { ArrowDown: inside ? this.current + 1 : this.seen()[0], ArrowUp: this.current - 1, Home: 0, End: last }[name];
    if (to === undefined || last < 0 || !this.about.link || (name === "ArrowUp" && !inside)) return false;
    const index = Math.max(0, Math.min(to, last));
    const box = this.context.scroller;
    const top = this.table.offsetTop + index * this.height;
    if (top < box.scrollTop) box.scrollTop = index && top;
    const bottom = top + 2 * this.height;
    if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
    if (index < this.first || index >= this.first + this.page.rows.length) await this.read();
    this.current = index;
    for (const link of this.body.querySelectorAll("a[tabindex='0']")) link.tabIndex = -1;
    const link = this.body.querySelector(`[aria-rowindex="${index + 2}"] a`);
    if (link) {
      link.tabIndex = 0;
      link.focus({ preventScroll: true });
    }
    return true;
  }
}
