/** The desk of rights requests: what came in, and by when it must be answered. */

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { day, instant, today, until, daysTo } from "../format.js";
import { t, Word } from "../i18n.js";
import { go } from "../router.js";
import { ask } from "../components/dialog.js";
import { outcome } from "../components/outcome.js";
import { loading } from "../components/problems.js";
import { table } from "../components/table.js";
import { badge, button, card, empty, pageHead } from "../components/ui.js";

const RIGHTS = ["access", "erasure", "rectification", "restriction", "objection"];

export default function requests({ query, signal }) {
  let everything = false;
  const list = loading(() => get("/requests", { signal, query: { everything: everything || undefined } }), show);
  const all = h("input", { type: "checkbox", id: "all", onchange: () => { everything = all.checked; list.reload(); } });
  const call = query.get("call");
  const make = button(t("requests.new"), { look: "primary", symbol: "plus", onclick: () => receive() });
  if (call) queueMicrotask(() => receive(call));
  return h("div.page", pageHead(t("requests.title"), { lead: t("requests.lead"), actions: make }),
    card(t("requests.list"), list, {
      id: "requests", flush: true, actions: h("div.check", all, h("label", { for: "all" }, t("requests.all"))),
    }));
}

function show(items) {
  return items.length ? table(t("requests.title"), columns(), items)
    : empty(t("requests.none"), t("requests.none.do"));
}

/** How pressing an answer is: late, within a week, or known. */
export function dueBadge({ due, answered_at: answered }) {
  if (answered) return badge(t("requests.answered"), "ok", "check");
  const days = daysTo(due);
  return badge(`${day(due)} · ${until(due)}`, days < 0 ? "bad" : days < 7 ? "warn" : "", days < 7 ? "alert" : null);
}

const columns = () => [
  { label: t("column.request"), cell: (row) => h("a.mono", { href: `/console/requests/${row.id}` }, row.id) },
  { label: t("column.right"), cell: (row) => Word("right", row.right) },
  { label: t("column.requester"), cell: (row) => Word("requester", row.requester) },
  { label: t("column.received"), cell: (row) => instant(row.received_at) },
  { label: t("column.due"), cell: dueBadge },
  { label: t("column.calls"), end: true, cell: (row) => String(row.calls.length) },
  { label: t("column.held"), end: true, cell: (row) => String(row.held.length) },
];

async function receive(call = "") {
  const made = await ask({
    title: t("requests.new"), intro: t("requests.new.intro"), submit: t("requests.new.do"),
    rows: [
      { name: "right", label: t("column.right"), type: "select", required: true, options: RIGHTS.map((name) => [name, Word("right", name)]) },
      { name: "calls", label: t("column.calls"), type: "ids", hint: t("calls.ids.hint"), value: call },
      {
        name: "requester", label: t("column.requester"), type: "text", required: true, value: "caller", hint: t("requests.requester.hint"),
      },
      { name: "received_on", label: t("requests.received"), type: "date", hint: t("requests.received.hint"), attributes: { max: today() } },
      { name: "withdraws", label: t("requests.withdraws"), type: "check" },
      { name: "note", label: t("requests.note"), type: "textarea", hint: t("notes.sealed") },
    ],
    run: ({ received_on: on, ...values }) => post("/requests", { ...values, received_on: on || null }),
    done: outcome,
  });
  if (made) go(`/requests/${made.request.id}`);
}
