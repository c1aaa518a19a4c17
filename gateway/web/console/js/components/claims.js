/** What complaints and investigations have in common: lists, who works on it, limitation dates, what is kept. */

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { day, instant, short, today } from "../format.js";
import { t, word } from "../i18n.js";
import { holds, session } from "../session.js";
import { ask } from "./dialog.js";
import { notes } from "./notes.js";
import { outcome } from "./outcome.js";
import { loading } from "./problems.js";
import { table } from "./table.js";
import { badge, button, card, empty, facts, message } from "./ui.js";

/** The list of one kind; `kind` is "complaints" or "investigations". */
export function claimsList(kind, signal) {
  let everything = false;
  const list = loading(() => get(`/${kind}`, { signal, query: { everything: everything || undefined } }),
    (found) => (found.length ? table(t(`${kind}.title`), columns(kind, () => list.reload()), found)
      : empty(t(`${kind}.none`), t(`${kind}.none.do`), { symbol: "check" })));
  const all = h("input", { type: "checkbox", id: "all", onchange: () => { everything = all.checked; list.reload(); } });
  return card(t(`${kind}.list`), list, {
    id: "claims", flush: true, actions: h("div.check", all, h("label", { for: "all" }, t("claims.all"))),
  });
}

// Who may take a case that nobody works on. Only who works on it may open it, so it is taken in the list.
const TAKERS = { complaints: "COMPLAINT", investigations: "INSPECTOR" };

const columns = (kind, reload) => [
  { label: t("column.case"), cell: (row) => h("a.mono", { href: `/console/${kind}/${encodeURIComponent(row.id)}` }, row.id) },
  { label: t("column.received"), cell: (row) => instant(row.began_at) },
  { label: t("column.members"), cell: (row) => row.members.join(", ") || nobody(kind, row, reload) },
  { label: t("column.calls"), end: true, cell: (row) => String(row.calls.length) },
  { label: t("column.ground"), cell: (row) => Object.entries(row.grounds).map(([name, n]) => `${word("ground", name)} × ${n}`).join(", ") },
  { label: t("column.limitation"), cell: (row) => limitation(row) },
  { label: t("column.closed"), cell: (row) => (row.closed_at ? instant(row.closed_at) : null) },
];

function nobody(kind, row, reload) {
  const act = actor(`/${kind}/${encodeURIComponent(row.id)}`, kind, reload);
  return h("div.row", badge(t("claims.nobody"), "warn", "alert"),
    !row.closed_at && holds(TAKERS[kind]) ? act("take", { look: "small", symbol: "users" }) : null);
}

function limitation(row) {
  if (row.confirmed) return h("span", day(row.confirmed), " ", badge(t("claims.confirmed"), "ok"));
  return row.proposed ? h("span", day(row.proposed), " ", badge(t("claims.proposed"))) : null;
}

/**
 * One claim, as the API gives it: {case, notes}. `actions(act)` are the buttons of its kind; `reload` shows it anew.
 */
export function claimView(kind, { case: found, notes: written }, { reload, actions }) {
  const act = actor(`/${kind}/${encodeURIComponent(found.id)}`, kind, reload);
  const kept = Object.entries(found.kept);
  return [
    found.beyond_limit ? message(t("claims.beyond"), { tone: "warn", detail: t("claims.beyond.do") }) : null,
    h("div.columns",
      h("div.stack",
        card(t("claims.kept"), kept.length ? table(t("claims.kept"), [
          { label: t("column.artifact"), cell: ([id]) => h("a.mono", { href: `/console/recordings/${id}` }, short(id)) },
          { label: t("column.until"), cell: ([, until]) => (until ? day(until) : t("ground.open")) },
        ], kept) : empty(t("claims.kept.none"), "", { symbol: "file" }), { id: "kept", flush: true }),
        card(t("notes.title"), notes(written), { id: "notes" })),
      h("div.stack",
        card(t("claims.facts"), facts([
          [t("column.case"), h("span.mono", found.id)], [t("column.received"), instant(found.began_at)],
          [t("column.closed"), instant(found.closed_at)], [t("column.members"), found.members.join(", ")],
          [t("column.calls"), found.calls.length ? h("ul", found.calls.map((id) => h("li", h("a.mono", { href: `/console/calls/${id}` }, short(id))))) : t("none")],
          [t("column.limitation"), limitation(found) ?? t("ground.open")],
          ...Object.entries(found.facts).filter(([, value]) => value !== null && value !== false)
            .map(([name, value]) => [word("fact", name), value === true ? t("yes") : day(String(value))]),
        ]), { id: "facts" }),
        card(t("call.actions"), h("div.form", [...actions(act, found), ...shared(kind, act, found)].filter(Boolean)), { id: "actions" }))),
  ];
}

/** Makes a button that asks in a dialog and posts what was answered. */
export function actor(base, texts, reload) {
  return (name, { rows = [], look = "", symbol, make = ask, warning, intro, body = (values) => values, key = name, path = name, base: other } = {}) =>
    button(t(`${texts}.${key}`), {
      look, symbol,
      onclick: async () => {
        const done = await make({
          title: t(`${texts}.${key}`), submit: t(`${texts}.${key}.do`), rows, warning, intro, done: outcome,
          run: (values) => post(`${other ?? base}/${path}`, body(values)),
        });
        if (done) reload(done);
      },
    });
}

/** The four things a decision rests on. */
export const reasons = (required = true) => [
  { name: "reason", label: t("column.reason"), type: "textarea", required, hint: t("notes.sealed") },
  { name: "facts", label: t("decision.facts"), type: "textarea", attributes: { rows: 2 } },
  { name: "necessity", label: t("decision.necessity"), type: "textarea", attributes: { rows: 2 } },
  { name: "alternatives", label: t("decision.alternatives"), type: "textarea", attributes: { rows: 2 } },
];

/** Which parts are meant: sound, words or both. */
export const partsRow = () => ({
  name: "parts", label: t("decision.parts"), type: "select", required: true,
  options: [["audio transcript", t("decision.parts.both")], ["audio", t("decision.parts.audio")], ["transcript", t("decision.parts.transcript")]],
});

/** The values of `partsRow` as the API takes them. */
export const withParts = ({ parts, ...rest }) => ({ ...rest, parts: parts.split(" ") });

const DATES = ["knowledge_on", "notified_on", "rejected_on", "acknowledged_on", "proceedings_ended_on"];

function shared(kind, act, found) {
  const me = session().person.id;
  const limits = { attributes: { max: today() } };
  const assigned = (body) => ({ user: body.user });
  return [
    !found.members.length && holds(TAKERS[kind]) && act("take", { symbol: "users", look: "primary" }),
    holds("COMPLAINT", "INSPECTOR", "LEGAL", "DPO", "SYSADMIN")
      && act("assign", { symbol: "plus", rows: [{ name: "user", label: t("column.user"), required: true }], body: assigned }),
    found.members.length > 0 && holds("COMPLAINT", "INSPECTOR", "LEGAL", "DPO", "SYSADMIN")
      && act("unassign", {
        symbol: "minus", body: assigned,
        rows: [{ name: "user", label: t("column.user"), type: "select", required: true, value: me, options: found.members.map((id) => [id, id]) }],
      }),
    holds("COMPLAINT", "INSPECTOR", "LEGAL") && act("facts", {
      symbol: "file", intro: t("claims.facts.intro"),
      rows: [
        ...DATES.map((name) => ({ name, label: word("fact", name), type: "date", value: found.facts[name] ?? "", ...limits })),
        { name: "proceedings_pending", label: word("fact", "proceedings_pending"), type: "check", value: found.facts.proceedings_pending },
      ],
      body: (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "")),
    }),
    holds("LEGAL") && !found.confirmed && act("confirm", {
      symbol: "seal", intro: found.proposed ? t("claims.confirm.intro", { date: day(found.proposed) }) : undefined,
      rows: [
        { name: "on", label: t("claims.confirm.on"), type: "date", hint: t("claims.confirm.hint") },
        { name: "reason", label: t("column.reason"), type: "textarea", hint: t("notes.sealed") },
      ],
      body: ({ on, reason }) => ({ on: on || null, reason }),
    }),
  ];
}
