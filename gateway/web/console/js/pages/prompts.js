/** Prompts: every version of what callers hear, and which is played where. */

import { get } from "../api.js";
import { h } from "../dom.js";
import { instant, length } from "../format.js";
import { t, Word } from "../i18n.js";
import { holds } from "../session.js";
import { actor } from "../components/claims.js";
import { confirm } from "../components/dialog.js";
import { loading } from "../components/problems.js";
import { table } from "../components/table.js";
import { badge, card, empty, pageHead } from "../components/ui.js";

export default function prompts({ signal }) {
  const view = loading(() => get("/prompts", { signal }), (found) => show(found, () => view.reload()));
  return h("div.page", pageHead(t("prompts.title"), { lead: t("prompts.lead") }), view);
}

const TONES = { shipped: "", draft: "warn", faulty: "bad", approved: "ok" };

/** Whether a version may be played, in a word. */
export const stateBadge = ({ state }) => badge(t(`prompts.state.${state}`), TONES[state]);

/** What a place is called where a version is played. */
export const placeOf = ({ scope, target }) => t(`prompts.scope.${scope}`, { target });

function show({ versions, played }, reload) {
  const sets = [...new Set(versions.map(({ set }) => set))];
  return [
    card(t("prompts.played"), played.length ? table(t("prompts.played"), playedColumns(reload), played)
      : empty(t("prompts.played.none"), t("prompts.played.none.do"), { symbol: "prompts" }), { id: "played", flush: true }),
    sets.map((set) => card(t("prompts.set", { set }), table(t("prompts.set", { set }), versionColumns(), versions.filter((row) => row.set === set)),
      { id: `set-${set}`, flush: true })),
  ];
}

const versionColumns = () => [
  { label: t("column.prompt"), cell: (row) => h("a", { href: `/console/prompts/${row.prompt}` }, Word("prompt", row.role)) },
  { label: t("column.version"), fixed: true, cell: (row) => row.version },
  { label: t("column.state"), cell: stateBadge },
  { label: t("column.duration"), cell: (row) => length(row.duration_ms / 1000) },
  { label: t("column.by"), cell: (row) => row.made_by },
  { label: t("prompts.approved"), cell: (row) => row.approved_by },
];

const playedColumns = (reload) => [
  { label: t("column.prompt"), cell: (row) => h("a.mono", { href: `/console/prompts/${row.prompt}` }, row.prompt) },
  { label: t("prompts.where"), cell: placeOf },
  { label: t("prompts.begins"), cell: (row) => instant(row.begins_at) },
  { label: t("column.by"), cell: (row) => row.made_by },
  { label: t("column.action"), cell: (row) => (holds("SYSADMIN", "DPO") ? takeBack(row, reload) : null) },
];

function takeBack(row, reload) {
  const scheduled = Date.parse(row.begins_at) > Date.now();
  const place = { flow: row.scope === "flow" ? row.target : "", number: row.scope === "number" ? row.target : "" };
  return actor(`/prompts/${row.prompt.split("/").slice(0, 2).join("/")}`, "prompts", reload)("rollback", {
    look: "small danger", symbol: "back", make: confirm, warning: t("prompts.rollback.warning"),
    body: () => ({ ...place, scheduled }),
  });
}
