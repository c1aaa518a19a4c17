/** Calls: by time and flow, or by a number; a number never stands in an address. */

import { post } from "../api.js";
import { fill, h } from "../dom.js";
import { instant, length, plusDays, short, startOf, today } from "../format.js";
import { t, word, Word } from "../i18n.js";
import { note } from "../router.js";
import { holds } from "../session.js";
import { recall } from "../store.js";
import { fields } from "../components/form.js";
import { problemBox } from "../components/problems.js";
import { paged, table } from "../components/table.js";
import { badge, busy, button, card, empty, pageHead } from "../components/ui.js";

const NEEDS_CASE = ["RIGHTS", "COMPLAINT", "INSPECTOR", "CASEDOC", "LEGAL"];

export const COLUMNS = () => [
  { label: t("column.call"), cell: (row) => h("a.mono", { href: `/console/calls/${row.call}` }, short(row.call)) },
  { label: t("column.arrived"), fixed: true, cell: (row) => instant(row.arrived_at) },
  { label: t("column.duration"), cell: (row) => (row.ended_at ? length((Date.parse(row.ended_at) - Date.parse(row.arrived_at)) / 1000) : t("calls.up")) },
  { label: t("column.flow"), cell: (row) => row.flow },
  { label: t("column.decision"), cell: (row) => (row.decision ? badge(word("decision", row.decision), row.decision === "accepted" ? "ok" : "") : null) },
  { label: t("column.kept"), cell: (row) => keptOf(row) },
];

/** What is kept of a call, as links; what is erased, as words. */
function keptOf(row) {
  const kept = row.artifacts.filter(({ state }) => state !== "erased");
  const links = kept.map(({ artifact, kind }) => h("a", { href: `/console/recordings/${artifact}` }, Word("kind", kind)));
  if (row.artifacts.length > kept.length) links.push(h("span.muted", t("calls.erased", { count: row.artifacts.length - kept.length })));
  return links.length ? h("div.row", links) : null;
}

export default function calls({ query, signal }) {
  const from = query.get("from") || plusDays(today(), -7);
  const filter = fields([
    { name: "from", label: t("calls.from"), type: "date", value: from, plain: true },
    { name: "to", label: t("calls.to"), type: "date", value: query.get("to") ?? "", plain: true },
    { name: "flow", label: t("column.flow"), type: "search", value: query.get("flow") ?? "", plain: true },
  ]);
  const asked = ({ from: first, to, flow }) => ({
    since: first ? startOf(first) : "", before: to ? startOf(plusDays(to, 1)) : "", flow,
  });
  const nothing = empty(t("calls.none"), t("calls.none.do"), { symbol: "calls" });
  const found = paged("/calls", { caption: t("calls.title"), columns: COLUMNS(), nothing, query: asked(filter.values()), signal });
  const submit = button(t("calls.show"), { type: "submit", look: "primary", symbol: "search" });
  const form = h("form.form-row", {
    role: "search", "aria-label": t("calls.filter"),
    onsubmit: (event) => {
      event.preventDefault();
      const values = filter.values();
      note(`/calls?${new URLSearchParams(Object.entries(values).filter(([, value]) => value))}`);
      busy(submit, () => found.reload(asked(values)));
    },
  }, filter.nodes, submit);
  return h("div.page", pageHead(t("calls.title"), { lead: t("calls.lead") }),
    holds("RIGHTS", "COMPLAINT", "INSPECTOR", "CASEDOC", "LEGAL", "DPO", "AGENT") ? byNumber() : null,
    card(t("calls.by_time"), [h("div.card-head", form), found], { id: "by-time", flush: true }));
}

function byNumber() {
  const place = h("div");
  const last = recall("purpose", "sessionStorage");
  const form = fields([
    { name: "number", label: t("calls.number"), type: "tel", required: true, hint: t("calls.number.hint") },
    holds(...NEEDS_CASE) && { name: "case", label: t("stating.case"), hint: t("calls.number.case"), value: last?.case ?? "" },
    { name: "purpose", label: t("calls.purpose"), hint: t("calls.purpose.hint"), type: "select", options: purposes() },
  ]);
  const submit = button(t("calls.search"), { type: "submit", look: "primary", symbol: "search" });
  const node = h("form.form", {
    novalidate: true,
    onsubmit: (event) => {
      event.preventDefault();
      if (form.check()) busy(submit, search);
    },
  }, h("div.form-row", form.nodes), h("div.row", submit), place);
  async function search() {
    const { number, case: about, purpose } = form.values();
    try {
      const { items } = await post("/calls/search", { number }, { capacity: { case: about, purpose } });
      fill(place, items.length ? table(t("calls.found"), COLUMNS(), items)
        : empty(t("calls.found.none"), t("calls.found.none.do"), { symbol: "search" }));
    } catch (error) {
      form.complain(error);
      fill(place, problemBox(error));
    }
  }
  return card(t("calls.by_number"), h("details", h("summary", t("calls.by_number.open")), node), { id: "by-number" });
}

const purposes = () => ["rights_request", "complaint", "investigation", "documentation", "authority_order", "withdrawal", "control"]
  .map((name) => [name, Word("purpose", name)]);
