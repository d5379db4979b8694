// The views: what each shows, and which changes it waits for.

import { ask, get } from "./api.js";
import { copying, empty, facts, h, kind, named, pill, saving, sentence, shape, show, time, words } from "./dom.js";
import { List } from "./list.js";
import { order } from "./order.js";
import { scheduler } from "./scheduler.js";

const code = (text) => h("code", {}, text);
const link = (href, ...inside) => h("a", { href }, ...inside);

// How far an order is: a step for each authorization, one for its CSR, one for the certificate.
const AFTER = { pending: ["none", "none"], ready: ["none", "none"], processing: ["valid", "processing"], valid: ["valid", "valid"], invalid: ["none", "none"] };
export function steps(row) {
  const [finalized, issued] = AFTER[row.status];
  const done = row.steps.filter((step) => step === "valid").length;
  const label = `${done} of ${row.steps.length} authorizations valid, ${finalized === "valid" ? "finalized" : "not finalized"}, ${issued === "valid" ? "issued" : "not issued"}`;
  const step = (state, title) => h("i", { class: state === "none" ? "later" : kind(state), title }, state === "none" ? "" : shape(state));
  return h("span", { class: "steps", role: "img", "aria-label": label },
    row.steps.map((state) => step(state, `authorization: ${words(state)}`)), h("b", {}),
    step(finalized, "finalize"), step(issued, "certificate"));
}

const listing = (about) => (context) => {
  const list = new List(context, about);
  return { element: list.element, refresh: (signal) => list.refresh(signal), walks: Boolean(about.link), key: (name) => list.key(name), close: () => list.close() };
};

const facts_of = (...houses) => (change) => change.facts.some((fact) => houses.includes(fact.house));
const part = (...parts) => (change) => parts.some((each) => change.parts.includes(each));
const either = (...tests) => (change) => tests.some((test) => test(change));

const orders = (context) => listing({
  path: "/page/orders",
  link: true,
  columns: [
    { title: "Names", class: "grow", cell: (row) => [link(context.to("orders", row.id), named(row)), row.error && h("small", { class: "why", title: row.error }, row.error)] },
    { title: "Status", class: "w-status", cell: (row) => pill(row.status) },
    { title: "Steps", class: "w-steps", cell: steps },
    { title: "Account", class: "w-id wide mono", cell: (row) => row.account },
    { title: "Created", class: "w-time wide", cell: (row) => time(row.created) },
  ],
  none: () => empty("No order yet",
    h("p", {}, "An ACME client makes one when it asks this directory for a certificate:"),
    h("p", { class: "copy" }, code(context.summary.directory), copying(context.summary.directory)),
    h("p", { class: "soft" }, "Or let gravel start the client: ", code("gravel run -- certbot certonly -d www.example.test ..."), ". With ", code("gravel up --apply FOLDER"), ", CertificateRequests make orders.")),
})(context);

const certificates = (context) => listing({
  path: "/page/certificates",
  link: true,
  columns: [
    { title: "Names", class: "grow", cell: (row) => link(context.to("certificates", row.id), named(row)) },
    { title: "Status", class: "w-status", cell: (row) => pill(row.status) },
    { title: "Serial", class: "w-serial wide mono", cell: (row) => row.serial },
    { title: "Not after", class: "w-time", cell: (row) => time(row.not_after) },
  ],
  none: () => empty("No certificate yet", h("p", {}, "There is one as soon as an order is finalized. ", link(context.to("orders"), "Orders"), " say how far each is.")),
})(context);

const accounts = listing({
  path: "/page/accounts",
  columns: [
    { title: "Account", class: "grow mono", cell: (row) => row.id },
    { title: "Status", class: "w-status", cell: (row) => pill(row.status) },
    { title: "Orders", class: "w-number", cell: (row) => row.orders },
    { title: "Contact", class: "w-time wide", cell: (row) => row.contact.join(", ") || h("span", { class: "soft" }, "none") },
    { title: "Key", class: "w-number wide", cell: (row) => row.key },
    { title: "External", class: "w-number wide mono", cell: (row) => row.external ?? h("span", { class: "soft" }, "none") },
    { title: "Created", class: "w-time wide", cell: (row) => time(row.created) },
  ],
  none: () => empty("No account yet", h("p", {}, "A client's first request makes one: newAccount of the directory.")),
});

const tabs = (context, ...views) =>
  h("div", { class: "tabs", role: "group", "aria-label": "What of the DNS" },
    views.map(([view, title]) => h("a", { href: context.to(view), "aria-current": context.view === view ? "page" : null }, title)));
const dnsTabs = (context) => tabs(context, ["dns", "Questions"], ["zone", "Zone"]);
const tabbed = (context, view, ...above) => {
  view.element.prepend(dnsTabs(context), ...above);
  return view;
};

const dns = (context) => tabbed(context, listing({
  path: "/page/queries",
  columns: [
    { title: "Name", class: "grow mono", cell: (row) => row.name || "." },
    { title: "Type", class: "w-type", cell: (row) => (row.opcode === "QUERY" ? row.rtype : `${row.opcode} ${row.rtype}`) },
    { title: "Answer", class: "w-status", cell: (row) => pill(row.rcode) },
    { title: "From", class: "w-id wide mono", cell: (row) => row.client },
    { title: "To", class: "w-id wide mono", cell: (row) => `${row.server} ${row.transport}` },
    { title: "When", class: "w-time wide", cell: (row) => time(row.at, 3) },
  ],
  none: () => empty("Nobody has asked yet", h("p", {}, "Validations and self-checks ask this DNS. The last thousand questions are kept."), h("p", {}, "Ask it yourself: ", code("dig @127.0.0.1 -p 8053 TXT _acme-challenge.www.example.test"))),
})(context));

const zone = (context) => {
  const above = h("p", { class: "soft" });
  return tabbed(context, listing({
    path: "/page/names",
    columns: [
      { title: "Name", class: "grow mono", cell: (row) => row.id || "." },
      { title: "Records", class: "half mono", cell: (row) => row.records.flatMap(([type, values]) => (values.length ? values : ["(none)"]).map((value) => h("span", { class: "record" }, h("b", {}, type), " ", value, " "))) },
    ],
    drawn: (page) => show(above, [page.serial, page.defaults, page.nameservers], () => `Serial ${page.serial}, served at ${page.nameservers.join(", ")}. Every other name has ${page.defaults.join(", ") || "no address: it does not exist"}.`),
    none: () => empty("Nothing was written", h("p", {}, "dns-01 solvers and tests write here: ", code("POST /set-txt"), ", ", code("/add-a"), ", RFC 2136 updates, acme-dns.")),
  })(context), above);
};

const http = (context) => {
  const above = h("p", { class: "soft" });
  const view = listing({
    path: "/page/visits",
    columns: [
      { title: "Request", class: "grow mono", cell: (row) => h("span", { title: row.what }, row.what) },
      { title: "Answer", class: "w-status", cell: (row) => pill(row.status) },
      { title: "Over", class: "w-type wide", cell: (row) => row.over },
      { title: "Client", class: "w-client wide", cell: (row) => h("span", { title: row.client }, row.client) },
    ],
    drawn: (page) => show(above, page.listening, (all) => {
      const open = Object.entries({ "http-01": all.http01, "http-01 over HTTPS": all.https01, "tls-alpn-01": all.tls_alpn }).filter(([, where]) => where);
      return open.length ? `The responders of this process, for all worlds: ${open.map(([what, where]) => `${what} at ${where}`).join(", ")}. Newest first.` : "No responder listens here.";
    }),
    none: (page) => empty("Nobody has come yet", page.listening.http01 || page.listening.tls_alpn
      ? h("p", {}, "Requests of validations and self-checks for http-01 and tls-alpn-01 are listed here as they come.")
      : h("p", {}, "The client under test answers challenges itself. ", code("--http01-listen 5002"), " and ", code("--tls-alpn-listen 5001"), " let gravel do it.")),
  })(context);
  view.element.prepend(above);
  return view;
};

// What a fact says beside its kind; what stands elsewhere, or in every fact of its house, is left out.
const SILENT = ["slots", "created", "url", "authorizations", "state"];
const BARE = ["dns_name", "identifier", "identifiers", "dns_names", "detail", "reason", "type", "problem", "by"];
const plain = (value) => Array.isArray(value) ? value.map(plain).join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value).replace("urn:ietf:params:acme:error:", "");
export const details = (fact) =>
  Object.entries(fact.data)
    .filter(([name, value]) => !SILENT.includes(name) && value != null && value !== false && plain(value) !== "")
    .map(([name, value]) => (BARE.includes(name) ? plain(value) : `${words(name)} ${plain(value)}`))
    .join(" · ");

const journal = (context) => listing({
  path: "/page/facts",
  columns: [
    { title: "When", class: "w-micro", cell: (row) => time(row.at, 3) },
    { title: "Fact", class: "w-fact", cell: (row) => sentence(row.kind) },
    { title: "About", class: "w-about mono", cell: (row) => { const about = row.subject.challenge ?? row.subject.order ?? row.subject.request ?? Object.values(row.subject).at(-1) ?? ""; return h("span", { title: JSON.stringify(row.subject) }, about); } },
    { title: "Details", class: "grow wide", cell: (row) => h("span", { title: details(row) }, details(row)) },
    { title: "House", class: "w-house wide soft", cell: (row) => words(row.house) },
  ],
  none: () => empty("Nothing has happened yet", h("p", {}, "Every fact of this world will be here, in one numbered history.")),
})(context);

function certificate(context) {
  const element = h("section", { class: "page" });
  const draw = (it) => [
    h("p", { class: "crumbs" }, link(context.to("certificates"), "Certificates")),
    h("h1", {}, it.identifiers.join(", ")),
    pill(it.status),
    facts(["Serial", code(it.serial)], ["Valid", [time(it.not_before), " to ", time(it.not_after)]],
      ["Revoked", it.revoked && [time(it.revoked), ` for reason ${it.reason ?? 0}`]],
      ["Order", link(context.to("orders", it.order), code(it.order))], ["Account", code(it.account)], ["URL", code(it.url)]),
    h("div", { class: "buttons" }, copying(it.chain, "Copy the chain"), saving(it.chain, `${it.serial}.pem`, "Download the chain")),
    h("pre", { tabindex: 0, "aria-label": "The chain in PEM" }, it.chain),
  ];
  return {
    element,
    refresh: async (signal) => {
      await context.ready;
      show(element, await get(context.world, `/page/certificates/${context.id}`, signal), draw);
    },
  };
}

function authority(context) {
  const element = h("section", { class: "page" });
  const WHAT = { root: "Root", intermediate: "Intermediate", retired: "Retired intermediate" };
  const draw = ({ certificates: all }) => [
    h("h1", {}, "Authority"),
    h("p", { class: "soft" }, "What relying parties of this world trust, and what signs below it. Never put a test root into a trust store that real connections use."),
    all.map((each) => h("article", {},
      h("h2", {}, WHAT[each.role], " ", h("span", { class: "soft" }, each.subject)),
      facts(["SHA-256", h("code", { class: "fingerprint" }, each.id)], ["Valid", [time(each.not_before), " to ", time(each.not_after)]]),
      h("div", { class: "buttons" }, copying(each.pem, "Copy PEM"), saving(each.pem, `${each.subject.replace(/^CN=|[^\w.-]+/g, "-").replace(/^-/, "")}.pem`)))),
  ];
  return { element, refresh: async (signal) => show(element, await get(context.world, "/page/authority", signal), draw) };
}

function faults(context) {
  const armed = h("div", {});
  const select = h("select", { "aria-label": "Persona" });
  const text = h("textarea", { rows: 4, spellcheck: "false", "aria-label": "Rule, as JSON", placeholder: '{"id": "every-third", "match": {"endpoint": "newOrder", "every": 3}, "action": "lose"}' });
  const arm = (rule) => context.doing(() => ask(context.world, "POST", "/faults", rule));
  const element = h("section", { class: "page" },
    h("h1", {}, "Faults"), armed,
    h("div", { class: "columns" },
      h("form", { onsubmit: (event) => { event.preventDefault(); arm({ persona: select.value }); } },
        h("h2", {}, "Arm a persona"), h("p", { class: "soft" }, "A set of rules that makes this server as bad as one that is known."),
        h("div", { class: "buttons" }, select, h("button", { class: "main" }, "Arm"))),
      h("form", { onsubmit: (event) => { event.preventDefault(); arm(text.value); } },
        h("h2", {}, "Arm a rule"), text, h("div", { class: "buttons" }, h("button", {}, "Arm")))));
  const short = (value) => (typeof value === "string" ? value : JSON.stringify(value).replaceAll('"', "").replaceAll(",", ", ").replaceAll(":", ": ").replace(/^\{|\}$/g, ""));
  const draw = (all) => all.length ? [
    h("table", { class: "plain" },
      h("thead", {}, h("tr", {}, ["Rule", "Match", "Action", "Fired", ""].map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, all.map((rule) => h("tr", {},
        h("td", { class: "mono" }, rule.id), h("td", { class: "mono" }, short(rule.match ?? {}) || "everything"),
        h("td", { class: "mono" }, short(rule.action), rule.when && h("small", {}, " ", short(rule.when))),
        h("td", { class: "nowrap" }, `${rule.hits} of ${rule.seen}`),
        h("td", {}, h("button", { "data-key": `disarm ${rule.id}`, "aria-label": `Disarm ${rule.id}`, onclick: () => context.doing(() => ask(context.world, "DELETE", `/faults/${encodeURIComponent(rule.id)}`)) }, "Disarm")))))),
    h("div", { class: "buttons" }, h("button", { "data-key": "disarm all", onclick: () => context.doing(() => ask(context.world, "DELETE", "/faults")) }, "Disarm all")),
  ] : [empty("No fault is armed", h("p", {}, "The server is as good as it can be. Arm a rule to see how a client bears a lost reply, a bad nonce or a slow authority."))];
  let personas;
  return {
    element,
    refresh: async (signal) => {
      const [{ faults: all }, known] = await Promise.all([get(context.world, "/faults", signal), personas ?? get(context.world, "/personas", signal)]);
      if (!personas) select.append(...Object.keys(known.personas).map((name) => h("option", {}, name)));
      personas = known;
      show(armed, all, draw);
    },
  };
}

// view -> its title, what it is made by (and of one resource), and the changes after which it is read again.
export const VIEWS = {
  orders: { title: "Orders", list: orders, one: order, wants: either(facts_of("acme_server"), part("clock")), counts: "orders", search: true },
  scheduler: { title: "Scheduler", list: scheduler, wants: facts_of("scheduler") },
  certificates: { title: "Certificates", list: certificates, one: certificate, wants: either((change) => change.facts.some(({ kind: what }) => what.startsWith("Certificate")), part("clock")), counts: "certificates", search: true },
  accounts: { title: "Accounts", list: accounts, wants: (change) => change.facts.some(({ kind: what }) => /^(Account|Order|Terms)/.test(what)), counts: "accounts", search: true },
  faults: { title: "Faults", list: faults, wants: part("faults"), counts: "faults" },
  dns: { title: "DNS", list: dns, wants: part("queries"), search: true },
  zone: { title: "Zone", list: zone, wants: part("names"), within: "dns", search: true },
  http: { title: "HTTP", list: http, wants: part("visits"), search: true },
  journal: { title: "Journal", list: journal, wants: (change) => change.facts.length > 0, search: true },
  authority: { title: "Authority", list: authority, wants: part("authority") },
};
