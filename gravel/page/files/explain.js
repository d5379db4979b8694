// Why something is stuck, as GET /explain/SUBJECT says: a verdict, and findings with who must act and what to try.

import { get } from "./api.js";
import { facts, h, pill, show, time } from "./dom.js";

const finding = (it) => h("div", { class: "finding" },
  h("h3", {}, it.cause),
  facts(["Waits for", it.awaited], ["Who must act", it.who], ["Try", it.try], ["Since", it.since && time(it.since)],
    ["About", h("code", {}, it.subject)], ["Rule", [h("code", {}, it.code), it.pain ? `, number ${it.pain} of the known pains` : ""]]),
  it.blocks && h("p", { class: "bad" }, "It will not pass by itself."),
  it.evidence?.length ? h("details", {}, h("summary", {}, "Evidence"), h("pre", {}, it.evidence.join("\n"))) : null);

const draw = (it) => [
  h("h2", {}, it?.verdict === "healthy" ? "Is it stuck" : "Why is it stuck", it && pill(it.verdict)),
  !it ? h("p", { class: "soft" }, "Explanations are not available here.")
    : it.findings.length ? it.findings.map(finding) : h("p", { class: "soft" }, "There is nothing to say against it."),
];

export const whyPanel = () => h("section", { class: "why-panel", "aria-label": "Why is it stuck" });

// Draw into a panel what is said of a subject.
export async function explain(context, panel, subject, signal) {
  await context.ready;
  const path = `/explain/${subject.split("/").map(encodeURIComponent).join("/")}`;
  const said = context.summary?.explains
    ? await get(context.world, path, signal).catch((error) => { if (error.status !== 404) throw error; return null; })
    : null;
  show(panel, said && { ...said, timeline: null }, draw);
}
