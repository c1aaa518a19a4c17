/** One call: what is kept of it, and what a caller may ask of it. */

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { day, instant, length, short } from "../format.js";
import { t, word, Word } from "../i18n.js";
import { holds } from "../session.js";
import { ask, confirm } from "../components/dialog.js";
import { outcome } from "../components/outcome.js";
import { loading } from "../components/problems.js";
import { table } from "../components/table.js";
import { badge, button, card, empty, facts, linkButton, pageHead } from "../components/ui.js";

export default async function call({ params, signal }) {
  const view = loading(() => get(`/calls/${params.id}`, { signal }), (found) => show(found, () => view.reload()));
  return h("div.page", pageHead(t("call.title", { call: short(params.id) }), { back: { href: "/console/calls", label: t("nav.calls") } }), view);
}

function show({ facts: found, artifacts }, reload) {
  return h("div.columns",
    h("div.stack", card(t("call.kept"), artifacts.length ? table(t("call.kept"), columns(), artifacts)
      : empty(t("call.nothing"), t("call.nothing.do"), { symbol: "file" }), { id: "kept", flush: true })),
    h("div.stack", card(t("recording.facts"), factsOf(found), { id: "facts" }), actions(found, reload)));
}

const columns = () => [
  { label: t("column.kind"), cell: (row) => h("a", { href: `/console/recordings/${row.artifact}` }, Word("kind", row.kind)) },
  { label: t("column.state"), cell: (row) => badge(word("state", row.state), row.state === "sealed" ? "ok" : "") },
  { label: t("column.duration"), cell: (row) => (row.duration_ms ? length(row.duration_ms / 1000) : null) },
  { label: t("column.ground"), cell: (row) => row.grounds.map((ground) => word("ground", ground)).join(", ") },
  { label: t("column.until"), cell: (row) => (row.until ? day(row.until) : row.state === "erased" ? null : t("ground.open")) },
];

function factsOf(found) {
  return facts([
    [t("column.call"), h("span.mono", found.call)], [t("column.flow"), found.flow],
    [t("column.arrived"), instant(found.arrived_at)], [t("column.answered"), instant(found.answered_at)],
    [t("column.agent_answered"), instant(found.agent_answered_at)], [t("column.ended"), instant(found.ended_at)],
    [t("call.end_reason"), found.end_reason && word("reason", found.end_reason)],
    [t("column.decision"), found.decision && badge(word("decision", found.decision), found.decision === "accepted" ? "ok" : "")],
    [t("column.special"), found.special_category ? badge(t("call.special.flag"), "warn", "alert") : null],
  ]);
}

function actions(found, reload) {
  const done = (result) => {
    if (result) reload();
  };
  const list = [
    !found.ended_at && linkButton(t("call.live"), `/console/live/${found.call}`, { symbol: "live" }),
    holds("AGENT", "CASEDOC", "RIGHTS", "COMPLAINT", "QA", "LEGAL", "DPO", "SYSADMIN", "INSPECTOR", "ANALYST", "COMPLIANCE")
      && button(t("call.withdraw"), { symbol: "stop", look: "danger", onclick: async () => done(await withdraw(found.call)) }),
    !found.special_category && holds("QA", "ANALYST", "CASEDOC", "RIGHTS", "COMPLAINT", "INSPECTOR", "COMPLIANCE", "LEGAL", "DPO", "AGENT")
      && button(t("call.special"), { symbol: "alert", onclick: async () => done(await special(found.call)) }),
    holds("AGENT", "QA", "RIGHTS", "LEGAL", "DPO")
      && button(t("call.invalid"), { symbol: "close", look: "danger", onclick: async () => done(await invalid(found.call)) }),
    linkButton(t("call.request"), `/console/requests?call=${found.call}`, { symbol: "requests" }),
    linkButton(t("call.complaint"), `/console/complaints?call=${found.call}`, { symbol: "complaints" }),
    holds("QA", "CASEDOC", "COMPLAINT", "COMPLIANCE")
      && linkButton(t("call.forward"), `/console/investigations?call=${found.call}`, { symbol: "investigations" }),
  ].filter(Boolean);
  return list.length ? card(t("call.actions"), h("div.form", list), { id: "actions" }) : null;
}

function withdraw(call) {
  return confirm({
    title: t("call.withdraw"), warning: t("call.withdraw.warning"), submit: t("call.withdraw.do"),
    rows: [{
      name: "channel", label: t("call.channel"), type: "select", required: true,
      options: ["agent", "phone", "mail", "letter", "web"].map((name) => [name, Word("channel", name)]),
    }],
    run: (values) => post(`/calls/${call}/withdraw`, values), done: outcome,
  });
}

function special(call) {
  return ask({
    title: t("call.special"), intro: t("call.special.intro"), submit: t("call.special.do"),
    run: () => post(`/calls/${call}/special`), done: outcome,
  });
}

function invalid(call) {
  return confirm({
    title: t("call.invalid"), warning: t("call.invalid.warning"), submit: t("call.invalid.do"),
    rows: [{ name: "reason", label: t("column.reason"), type: "textarea", required: true, hint: t("call.invalid.hint") }],
    run: (values) => post(`/calls/${call}/invalid`, values), done: outcome,
  });
}
