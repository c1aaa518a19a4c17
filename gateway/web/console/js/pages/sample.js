/** One sample: its plan, its calls, what was found in them. */

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { day, instant, short } from "../format.js";
import { t, word } from "../i18n.js";
import { holds } from "../session.js";
import { ask, confirm } from "../components/dialog.js";
import { notes } from "../components/notes.js";
import { loading } from "../components/problems.js";
import { table } from "../components/table.js";
import { badge, button, card, facts, pageHead } from "../components/ui.js";

export default function sample({ params, signal }) {
  const view = loading(() => get(`/samples/${params.id}`, { signal }), (found) => show(found, () => view.reload()));
  return h("div.page", pageHead(t("sample.title", { sample: params.id }), { back: { href: "/console/samples", label: t("nav.samples") } }), view);
}

function show(found, reload) {
  const reviewed = new Set(found.notes.filter(({ kind }) => kind === "finding").map(({ words }) => words.call));
  return h("div.columns",
    h("div.stack", card(t("sample.calls"), table(t("sample.calls"), [
      { label: t("column.call"), cell: (id) => h("a.mono", { href: `/console/calls/${id}` }, short(id)) },
      { label: t("column.state"), cell: (id) => (reviewed.has(id) ? badge(t("sample.reviewed"), "ok", "check") : badge(t("sample.waiting"))) },
      { label: t("column.action"), cell: (id) => buttons(found.sample, id, reload) },
    ], found.calls), { id: "calls", flush: true }), card(t("notes.title"), notes(found.notes), { id: "notes" })),
    card(t("sample.plan"), facts([
      ...Object.entries(found.plan).map(([name, value]) =>
        [word("fact", name), Array.isArray(value) ? String(value.length) : name === "first" || name === "last" ? day(String(value)) : String(value)]),
      [t("column.by"), found.by], [t("column.at"), instant(found.drawn_at)],
    ]), { id: "plan" }));
}

function buttons(id, call, reload) {
  if (!holds("COMPLIANCE")) return null;
  const act = (name, make, rows, warning) => button(t(`sample.${name}`), {
    look: "small", symbol: name === "finding" ? "file" : "refresh",
    onclick: async () => {
      const done = await make({
        title: t(`sample.${name}`), submit: t(`sample.${name}.do`), rows, warning, done: t("done"),
        run: (values) => post(`/samples/${id}/${name}`, { call, ...values }),
      });
      if (done) reload();
    },
  });
  return h("div.row",
    act("finding", ask, [
      { name: "finding", label: t("column.finding"), type: "textarea", required: true, hint: t("sample.finding.hint") },
      { name: "follow_up", label: t("sample.follow_up"), type: "textarea" },
    ]),
    act("replace", confirm, [], t("sample.replace.warning")));
}
