// One order: how far it is, what each validation saw, why it is stuck, and all that happened.

import { get } from "./api.js";
import { copying, count, facts, h, pill, sentence, show, time, words } from "./dom.js";
import { explain, whyPanel } from "./explain.js";
import { details, steps } from "./views.js";

const code = (text) => h("code", {}, text);

// What came back, in one line.
function answer(step) {
  if (step.error) return h("span", { class: "bad" }, step.error);
  if (step.status) return `${step.status}${step.location ? ` to ${step.location}` : ""}, ${step.octets} octets`;
  if (step.protocol !== undefined) return `${step.protocol || "no protocol"}, ${step.octets} octets`;
  return `${step.rcode}${step.values?.length ? `: ${step.values.join(", ")}` : step.rcode === "NOERROR" ? ", no records" : ""}`;
}

const record = (steps) => h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "What the validation asked" },
  h("table", { class: "plain" },
    h("thead", {}, h("tr", {}, ["When", "ms", "Question", "Asked", "Answer"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, steps.map((step) => h("tr", {},
      h("td", { class: "nowrap" }, time(step.at, 3)), h("td", { class: "right" }, step.milliseconds),
      h("td", { class: "mono" }, step.question), h("td", { class: "mono nowrap" }, step.server ?? step.address ?? "", step.vantage && h("small", {}, ` ${step.vantage}`)),
      h("td", { class: "mono" }, answer(step)))))));

function attempt(challenge, stage) {
  const failures = challenge.error?.subproblems ?? (challenge.error ? [challenge.error] : []);
  return h("div", { class: "attempt" },
    h("h3", {}, challenge.type, " ", pill(challenge.status)),
    stage && h("p", {}, h("span", { class: "soft" }, "Scheduler: "), pill(stage.stage === "done" ? stage.state || "done" : stage.stage),
      ` ${stage.reason}`, stage.checks ? h("span", { class: "soft" }, `, ${count(stage.checks, "self-check")}`) : ""),
    failures.map((problem, number) => h("p", { class: "problem" },
      h("b", {}, failures.length > 1 ? `Attempt ${number + 1}: ` : "", words(problem.type.split(":").at(-1))), " ", problem.detail)),
    challenge.validationRecord.length
      ? [failures.length > 1 && h("p", { class: "soft" }, "What the last attempt saw:"), record(challenge.validationRecord)]
      : h("p", { class: "soft" }, challenge.status === "pending" ? "The client has not asked for a validation." : "Nothing was asked."));
}

function authorization(it, stages) {
  const stageOf = (challenge) => stages.find((stage) => stage.name === it.identifier && stage.type.toLowerCase() === challenge.type);
  const tried = it.challenges.filter((each) => each.status !== "pending" || each.validationRecord.length || stageOf(each));
  const rest = it.challenges.filter((each) => !tried.includes(each)).map((each) => each.type);
  return h("article", {},
    h("h2", {}, it.identifier, " ", pill(it.status)),
    tried.map((each) => attempt(each, stageOf(each))),
    rest.length ? h("p", { class: "soft" }, tried.length ? "Not tried: " : "The client has tried none of ", rest.join(", ")) : null);
}

function timeline(all) {
  const began = all.length ? Date.parse(all[0].at) : 0;
  return h("ol", { class: "timeline" }, all.map((fact) => h("li", { class: /Failed|Refused|Revoked/.test(fact.kind) || fact.data.state === "invalid" ? "bad" : fact.house },
    h("span", { class: "mono soft" }, time(fact.at, 3)), h("span", { class: "mono soft right" }, `+${((Date.parse(fact.at) - began) / 1000).toFixed(3)}`),
    h("span", {}, sentence(fact.kind), " ", h("span", { class: "soft" }, details(fact))), h("span", { class: "house soft" }, words(fact.house)))));
}

export function order(context) {
  const [top, why, body] = [h("div", {}), whyPanel(), h("div", {})];
  const element = h("section", { class: "page" }, top, why, body);
  const head = (it) => [
    h("p", { class: "crumbs" }, h("a", { href: context.to("orders") }, "Orders")),
    h("h1", {}, it.identifiers.join(", ")),
    h("p", { class: "state" }, pill(it.status), steps({ status: it.status, steps: it.authorizations.map((each) => each.status) })),
    it.error && h("p", { class: "problem" }, h("b", {}, words(it.error.type.split(":").at(-1))), " ", it.error.detail),
    facts(["Order", [code(it.id), " ", copying(it.id)]], ["URL", code(it.url)], ["Account", code(it.account)],
      ["Created", time(it.created)], ["Expires", time(it.expires)], ["Profile", it.profile], ["Replaces", it.replaces && code(it.replaces)],
      ["Certificate", it.certificate && h("a", { href: context.to("certificates", it.certificate) }, code(it.certificate))]),
  ];
  let about = [];
  return {
    element,
    wants: (change) => change.parts.includes("clock") || change.facts.some((fact) => Object.values(fact.subject).some((name) => about.includes(name))),
    refresh: async (signal) => {
      await context.ready;
      const it = await get(context.world, `/page/orders/${context.id}`, signal);
      about = it.about;
      const { facts: happened, challenges, ...rest } = it;
      show(top, rest, head);
      show(body, [rest.authorizations, challenges, happened], () => [
        h("h2", { class: "part" }, "Validation"), rest.authorizations.map((each) => authorization(each, challenges)),
        h("h2", { class: "part" }, "Timeline"), timeline(happened)]);
      await explain(context, why, `order/${context.id}`, signal);
    },
  };
}
