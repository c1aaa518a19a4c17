/** Users and roles: the access list, who gave what until when; attested each quarter. */

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { day, instant, today } from "../format.js";
import { t } from "../i18n.js";
import { actor } from "../components/claims.js";
import { ask, confirm, open } from "../components/dialog.js";
import { loading } from "../components/problems.js";
import { table } from "../components/table.js";
import { badge, button, card, empty, message, pageHead, toast } from "../components/ui.js";

export default function users({ signal }) {
  const list = loading(() => Promise.all([get("/users", { signal }), get("/roles", { signal })]),
    ([people, roles]) => show(people, roles, () => list.reload()));
  return h("div.page", pageHead(t("users.title"), {
    lead: t("users.lead"),
    actions: [
      button(t("users.add"), { look: "primary", symbol: "plus", onclick: async () => (await add()) && list.reload() }),
      button(t("users.attest"), { symbol: "seal", onclick: attest }),
    ],
  }), list);
}

function show(people, roles, reload) {
  return [
    card(t("users.list"), people.length ? table(t("users.list"), columns(roles, reload), people) : empty(t("users.none"), ""), { id: "users", flush: true }),
    card(t("users.roles"), table(t("users.roles"), [
      { label: t("column.role"), cell: (row) => h("span.mono", row.role) }, { label: t("column.means"), cell: (row) => row.means },
      { label: t("users.holders"), cell: (row) => people.filter((p) => p.roles.some((r) => r.role === row.role)).map((p) => p.user).join(", ") },
    ], roles), { id: "roles", flush: true }),
  ];
}

const columns = (roles, reload) => [
  { label: t("column.user"), cell: (row) => h("div", h("span.mono.strong", row.user), h("br"), row.name) },
  {
    label: t("column.roles"),
    cell: (row) => (row.disabled_at ? badge(t("users.disabled"), "bad")
      : h("ul", row.roles.map((held) => h("li", h("span.strong", held.role), h("span.muted.small",
        ` ${t("users.granted", { by: held.granted_by, at: day(held.granted_at) })}${held.expires_at ? ` · ${t("users.until", { at: day(held.expires_at) })}` : ""}`,
        Object.values(held.terms).length ? ` · ${Object.values(held.terms).join(", ")}` : ""))))),
  },
  { label: t("users.last"), cell: (row) => instant(row.last_used_at) },
  { label: t("users.trained"), cell: (row) => (row.trained_on ? day(row.trained_on) : badge(t("users.untrained"), "warn")) },
  { label: t("users.token"), cell: (row) => (row.token_expires_at ? day(row.token_expires_at) : null) },
  { label: t("column.action"), cell: (row) => menu(row, roles, reload) },
];

function menu(row, roles, reload) {
  const act = actor(`/users/${encodeURIComponent(row.user)}`, "users", reload);
  const look = "small";
  if (row.disabled_at) {
    return act("remove", { look: "small danger", symbol: "close", make: confirm, warning: t("users.remove.warning") });
  }
  const processor = (name, label) => ({ name, label, hint: t("users.processor.hint") });
  return h("details", h("summary", t("users.manage")), h("div.row",
    act("grant", {
      look, symbol: "plus",
      rows: [
        { name: "role", label: t("column.role"), required: true, attributes: { list: "role-names" }, hint: t("users.grant.hint") },
        { name: "until", label: t("users.until.label"), type: "date", attributes: { min: today() } },
        processor("country", t("users.country")), processor("dpa", t("users.dpa")), processor("ticket", t("users.ticket")), processor("tool", t("users.tool")),
      ],
      body: (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value || null])),
    }),
    h("datalist", { id: "role-names" }, roles.map(({ role, means }) => h("option", { value: role }, means))),
    row.roles.length ? act("revoke", {
      look, symbol: "minus", make: confirm,
      rows: [{ name: "role", label: t("column.role"), type: "select", required: true, options: row.roles.map(({ role }) => [role, role]) }],
    }) : null,
    button(t("users.token.make"), { look, symbol: "lock", onclick: async () => (await token(row.user)) && reload() }),
    act("trained", { look, symbol: "check", rows: [{ name: "on", label: t("column.day"), type: "date", required: true, value: today(), attributes: { max: today() } }] }),
    act("disable", { look: "small danger", symbol: "close", make: confirm, warning: t("users.disable.warning") })));
}

function add() {
  return ask({
    title: t("users.add"), submit: t("users.add.do"), done: t("done"),
    rows: [
      { name: "user", label: t("column.user"), required: true, hint: t("users.id.hint"), attributes: { maxlength: 24, spellcheck: "false" } },
      { name: "name", label: t("column.name"), required: true }, { name: "organisation", label: t("column.organisation"), hint: t("users.organisation.hint") },
    ],
    run: (values) => post("/users", values),
  });
}

async function token(user) {
  const made = await confirm({
    title: t("users.token.make"), warning: t("users.token.warning"), submit: t("users.token.do"),
    rows: [{ name: "days", label: t("users.token.days"), type: "number", required: true, value: "90", attributes: { min: 1, max: 366 } }],
    run: (values) => post(`/users/${encodeURIComponent(user)}/token`, values),
  });
  if (!made) return null;
  const copy = button(t("copy"), { symbol: "file", onclick: async () => {
    try {
      await navigator.clipboard.writeText(made.token);
      toast(t("copied"));
    } catch {
      toast(t("copy.failed"), "alert");
    }
  } });
  return new Promise((resolve) => {
    const opened = open(t("users.token.made"), [message(t("users.token.once"), { tone: "warn" }), h("code.secret", { tabindex: 0 }, made.token)], {
      foot: [copy, button(t("close"), { look: "primary", onclick: () => opened.close() })], onclose: () => resolve(made),
    });
  });
}

function attest() {
  return confirm({
    title: t("users.attest"), intro: t("users.attest.intro"), submit: t("users.attest.do"), danger: false,
    run: () => post("/access-list/attest"), done: (made) => t("users.attested", { hash: made.sha256.slice(0, 16) }),
  });
}
