/** What waits for somebody, the most pressing first: the page one begins the day with. */

import { get } from "../api.js";
import { h } from "../dom.js";
import { day, until } from "../format.js";
import { t, word, Word } from "../i18n.js";
import { loading } from "../components/problems.js";
import { table } from "../components/table.js";
import { badge, card, empty, pageHead } from "../components/ui.js";

const TONES = ["", "warn", "bad"];

export default function tasks({ signal }) {
  const list = loading(() => get("/tasks", { signal }), show);
  return h("div.page", pageHead(t("tasks.title"), { lead: t("tasks.lead") }), list);
}

function show(items) {
  if (!items.length) return card(null, empty(t("tasks.none"), t("tasks.none.do")));
  const late = items.filter(({ level }) => level === 2).length;
  const soon = items.filter(({ level }) => level === 1).length;
  return [
    h("div.tiles",
      h("div.tile", { class: late ? "bad" : "ok" }, h("span.muted", t("tasks.late")), h("b", String(late))),
      h("div.tile", h("span.muted", t("tasks.soon")), h("b", String(soon))),
      h("div.tile", h("span.muted", t("tasks.all")), h("b", String(items.length)))),
    card(t("tasks.list"), table(t("tasks.list"), columns(), items), { id: "tasks", flush: true }),
  ];
}

const columns = () => [
  { label: t("column.task"), cell: (row) => Word("task", row.kind) },
  { label: t("column.about"), cell: (row) => about(row) },
  { label: t("column.due"), cell: (row) => (row.due ? `${day(row.due)} · ${until(row.due)}` : null) },
  { label: t("column.count"), cell: (row) => (row.count > 1 ? String(row.count) : null) },
  { label: t("column.state"), cell: (row) => badge(word("level", row.level), TONES[row.level], row.level ? "alert" : null) },
];

/** The letter that an id which Tast1 made begins with; a claims case's own id says nothing. */
const PLACES = { R: "requests", K: "complaints", S: "investigations", P: "samples" };
const GROUPS = { request: "requests", freeze: "complaints", triage: "investigations", extension: "investigations" };
const PAGES = { recipient: "/console/orders", proposal: "/console/investigations", attestation: "/console/users" };

function about(row) {
  const path = pathOf(row);
  return path ? h("a.mono", { href: path }, row.about) : h("span.mono", row.about);
}

function pathOf({ kind, about: id }) {
  if (PAGES[kind]) return PAGES[kind];
  if (kind === "erasure") return `/console/recordings/${id}`;
  const group = GROUPS[kind] ?? PLACES[/^([A-Z])-\d{4}-/.exec(id)?.[1]];
  return group ? `/console/${group}/${encodeURIComponent(id)}` : null;
}
