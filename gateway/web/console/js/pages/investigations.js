/** Investigators' cases, and proposals to keep something longer, which need a second person. */

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { day, instant } from "../format.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import { holds, session } from "../session.js";
import { actor, claimsList } from "../components/claims.js";
import { ask, confirm } from "../components/dialog.js";
import { outcome } from "../components/outcome.js";
import { loading } from "../components/problems.js";
import { table } from "../components/table.js";
import { badge, button, card, empty, pageHead } from "../components/ui.js";

export default function investigations({ query, signal }) {
  const call = query.get("call");
  const forwards = holds("QA", "CASEDOC", "COMPLAINT", "COMPLIANCE");
  if (call && forwards) queueMicrotask(() => forward(call));
  const proposals = loading(() => get("/proposals", { signal }), (found) => showProposals(found, () => proposals.reload()));
  return h("div.page", pageHead(t("investigations.title"), {
    lead: t("investigations.lead"),
    actions: [
      holds("INSPECTOR") && button(t("investigations.open"), { look: "primary", symbol: "plus", onclick: openCase }),
      forwards && button(t("investigations.forward"), { symbol: "next", onclick: () => forward() }),
    ],
  }), claimsList("investigations", signal), card(t("proposals.title"), proposals, { id: "proposals", flush: true }));
}

async function openCase() {
  const made = await ask({
    title: t("investigations.open"), intro: t("investigations.open.intro"), submit: t("investigations.open.do"),
    rows: [{ name: "case", label: t("claims.id"), required: true, hint: t("investigations.id.hint") }],
    run: (values) => post("/investigations", values), done: t("done"),
  });
  if (made) go(`/investigations/${encodeURIComponent(made.id)}`);
}

function forward(call = "") {
  return ask({
    title: t("investigations.forward"), intro: t("investigations.forward.intro"), submit: t("investigations.forward.do"),
    rows: [
      { name: "case", label: t("claims.id"), required: true, hint: t("investigations.id.hint") },
      { name: "calls", label: t("column.calls"), type: "ids", required: true, hint: t("calls.ids.hint"), value: call },
      { name: "reason", label: t("column.reason"), type: "textarea", required: true, hint: t("notes.sealed") },
    ],
    run: ({ case: about, ...values }) => post(`/investigations/${encodeURIComponent(about)}/forward`, values), done: outcome,
  });
}

function showProposals(found, reload) {
  if (!found.length) return empty(t("proposals.none"), t("proposals.none.do"));
  const me = session().person.id;
  const column = (name, cell) => ({ label: t(`column.${name}`), cell });
  return table(t("proposals.title"), [
    column("number", (row) => `#${row.proposal}`),
    column("case", (row) => h("a.mono", { href: `/console/investigations/${encodeURIComponent(row.case)}` }, row.case)),
    column("by", (row) => row.by), column("at", (row) => instant(row.at)),
    column("parts", (row) => row.parts.map((part) => t(`decision.parts.${part}`)).join(", ")),
    column("until", (row) => day(row.until)),
    column("decide", (row) => (row.by === me ? badge(t("proposals.own"), "", "users") : decide(row, reload))),
  ], found);
}

function decide(row, reload) {
  if (!holds("LEGAL", "DPO")) return null;
  const act = actor(`/proposals/${row.proposal}`, "proposals", reload);
  const reason = { name: "reason", label: t("column.reason"), type: "textarea", hint: t("notes.sealed") };
  return h("div.row",
    act("approve", { look: "small primary", symbol: "check", intro: t("proposals.approve.intro", { date: day(row.until) }), rows: [reason] }),
    act("reject", { look: "small danger", symbol: "close", make: confirm, rows: [{ ...reason, required: true }] }));
}
