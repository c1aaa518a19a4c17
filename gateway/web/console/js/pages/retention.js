/** Retention at a glance: what is kept and why, what goes when, what went, and that nothing is late. */

import { get } from "../api.js";
import { h } from "../dom.js";
import { instant, number, today } from "../format.js";
import { t, word, Word } from "../i18n.js";
import { holds } from "../session.js";
import { barTable, dayChart } from "../components/chart.js";
import { fields } from "../components/form.js";
import { loading } from "../components/problems.js";
import { table } from "../components/table.js";
import { badge, busy, button, card, empty, facts, pageHead } from "../components/ui.js";

export default function retention({ signal }) {
  const view = loading(() => get("/retention", { signal }), show);
  const report = holds("DPO", "LEGAL", "COMPLIANCE", "SYSADMIN") ? monthly(signal) : null;
  return h("div.page", pageHead(t("retention.title"), {
    lead: t("retention.lead"), actions: button(t("refresh"), { symbol: "refresh", onclick: () => view.reload() }),
  }), view, report);
}

const total = (rows) => rows.reduce((sum, { count }) => sum + count, 0);
const named = (rows) => rows.map((row) => ({ ...row, label: Word("kind", row.kind) }));

function show({ overview, swept_at: swept }) {
  const { kept, goes, went, late, open_ended: open } = overview;
  const tile = (label, value, tone = "") => h("div.tile", { class: tone }, h("span.muted", label), h("b", number(value)));
  return [
    h("div.tiles", tile(t("retention.late"), late, late ? "bad" : "ok"), tile(t("retention.goes"), total(goes)),
      tile(t("retention.went"), total(went)), tile(t("retention.open"), open)),
    h("p.muted", swept ? t("retention.swept", { at: instant(swept) }) : t("retention.unswept")),
    card(t("retention.goes.title"), goes.length ? dayChart(t("retention.goes.title"), named(goes), t("column.kind"))
      : empty(t("retention.goes.none"), "", { symbol: "retention" }), { id: "goes" }),
    card(t("retention.kept.title"), kept.length ? barTable(t("retention.kept.title"), [
      { label: t("column.kind"), cell: (row) => Word("kind", row.kind) },
      { label: t("column.ground"), cell: (row) => `${word("ground", row.ground)} (${row.ground})` },
    ], [...kept].sort((a, b) => b.count - a.count)) : empty(t("retention.kept.none"), "", { symbol: "file" }), { id: "kept", flush: true }),
    card(t("retention.went.title"), went.length ? dayChart(t("retention.went.title"), named(went), t("column.kind"))
      : empty(t("retention.went.none"), "", { symbol: "retention" }), { id: "went" }),
  ];
}

function lastMonth() {
  const [year, month] = today().split("-").map(Number);
  return month === 1 ? `${year - 1}-12` : `${year}-${String(month - 1).padStart(2, "0")}`;
}

function monthly(signal) {
  const form = fields([{ name: "month", label: t("report.month"), type: "month", value: lastMonth(), required: true }]);
  const place = h("div.stack");
  const go = button(t("report.show"), { type: "submit", look: "primary", symbol: "file" });
  return card(t("report.title"), [
    h("form.form-row", {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        if (!form.check()) return;
        const { month } = form.values();
        busy(go, async () => {
          const box = loading(() => get("/report", { signal, query: { month } }), (found) => report(found, month));
          place.replaceChildren(box);
        });
      },
    }, form.nodes, go), place,
  ], { id: "report" });
}

function report(found, month) {
  const save = button(t("report.save"), { symbol: "download", look: "small", onclick: () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(found, null, 2)], { type: "application/json" }));
    link.download = `tast1-${month}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  } });
  const faults = [...found.verified.erased_but_there, ...found.verified.kept_with_faults];
  const late = found.overdue + found.begun_not_complete;
  const counted = Object.entries({ ...found.questions, ...found.events, ...found.refused });
  return [
    h("div.row", badge(t("report.late", { count: late }), late ? "bad" : "ok"),
      badge(t(found.audit.intact ? "audit.intact" : "audit.broken"), found.audit.intact ? "ok" : "bad", "seal"),
      badge(t("report.verified", { count: found.verified.erased_drawn + found.verified.kept_drawn, faults: faults.length }), faults.length ? "bad" : "ok"),
      save),
    facts([[t("column.controller"), found.controller], [t("report.made"), instant(found.made_at)],
      [t("report.restored"), found.restored_and_erased_again || null]]),
    found.erased.length ? barTable(t("report.erased"), [
      { label: t("column.kind"), cell: (row) => Word("kind", row.kind) }, { label: t("column.rule"), cell: (row) => row.rule },
    ], found.erased) : null,
    counted.length ? table(t("report.events"), [
      { label: t("column.event"), cell: ([name]) => eventOf(name) }, { label: t("column.count"), end: true, cell: ([, count]) => number(count) },
    ], counted) : null,
  ];
}

function eventOf(name) {
  const [event, ...rule] = name.split(" ");
  return [Word("action", event), ...rule].join(" ");
}
