/** Compliance samples: drawn by seed from what is kept on consent; they prolong nothing. */

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { day, instant, plusDays, today } from "../format.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import { holds } from "../session.js";
import { ask } from "../components/dialog.js";
import { loading } from "../components/problems.js";
import { table } from "../components/table.js";
import { button, card, empty, pageHead } from "../components/ui.js";

export default function samples({ signal }) {
  const list = loading(() => get("/samples", { signal }), (found) =>
    (found.length ? table(t("samples.title"), columns(), found) : empty(t("samples.none"), t("samples.none.do"), { symbol: "samples" })));
  const make = holds("COMPLIANCE") ? button(t("samples.draw"), { look: "primary", symbol: "plus", onclick: draw }) : null;
  return h("div.page", pageHead(t("samples.title"), { lead: t("samples.lead"), actions: make }),
    card(t("samples.list"), list, { id: "samples", flush: true }));
}

const columns = () => [
  { label: t("column.sample"), cell: (row) => h("a.mono", { href: `/console/samples/${row.sample}` }, row.sample) },
  { label: t("column.objective"), cell: (row) => row.plan.objective },
  { label: t("column.period"), cell: (row) => `${day(row.plan.first)} – ${day(row.plan.last)}` },
  { label: t("column.drawn"), end: true, cell: (row) => `${row.plan.drawn} / ${row.plan.population}` },
  { label: t("column.by"), cell: (row) => row.by },
  { label: t("column.at"), cell: (row) => instant(row.drawn_at) },
];

async function draw() {
  const made = await ask({
    title: t("samples.draw"), intro: t("samples.draw.intro"), submit: t("samples.draw.do"),
    rows: [
      { name: "objective", label: t("column.objective"), required: true, hint: t("samples.objective.hint") },
      { name: "first", label: t("samples.first"), type: "date", required: true, value: plusDays(today(), -30) },
      { name: "last", label: t("samples.last"), type: "date", required: true, value: today() },
      { name: "size", label: t("samples.size"), type: "number", required: true, value: "25", attributes: { min: 1, max: 1000 } },
      { name: "seed", label: t("samples.seed"), hint: t("samples.seed.hint") },
    ],
    run: ({ seed, ...values }) => post("/samples", { ...values, seed: seed || null }),
    done: (drawn) => t("samples.drawn", { count: drawn.calls.length, of: drawn.population, excluded: drawn.excluded }),
  });
  if (made) go(`/samples/${made.sample}`);
}
