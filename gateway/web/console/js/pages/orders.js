/** Orders of courts and authorities, and recipients of copies who must be told of an erasure. */

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { instant, short } from "../format.js";
import { t } from "../i18n.js";
import { holds } from "../session.js";
import { actor } from "../components/claims.js";
import { ask, confirm } from "../components/dialog.js";
import { outcome } from "../components/outcome.js";
import { loading } from "../components/problems.js";
import { table } from "../components/table.js";
import { badge, button, card, empty, pageHead } from "../components/ui.js";

export default function orders({ signal }) {
  const held = loading(() => get("/orders", { signal }), (found) => (found.length
    ? table(t("orders.title"), orderColumns(() => held.reload()), found) : empty(t("orders.none"), t("orders.none.do"), { symbol: "orders" })));
  const waiting = loading(() => get("/recipients", { signal }), (found) => (found.length
    ? table(t("recipients.title"), recipientColumns(() => waiting.reload()), found) : empty(t("recipients.none"), t("recipients.none.do"))));
  const make = holds("LEGAL", "DPO")
    ? button(t("orders.new"), { look: "primary", symbol: "plus", onclick: async () => (await receive()) && held.reload() }) : null;
  return h("div.page", pageHead(t("orders.title"), { lead: t("orders.lead"), actions: make }),
    card(t("orders.list"), held, { id: "orders", flush: true }), card(t("recipients.title"), waiting, { id: "recipients", flush: true }));
}

const column = (name, cell) => ({ label: t(`column.${name}`), cell });

const orderColumns = (reload) => [
  column("order", (row) => h("span.mono", row.order)), column("received", (row) => instant(row.received_at)), column("by", (row) => row.by),
  column("calls", (row) => h("div.row", row.calls.map((id) => h("a.mono", { href: `/console/calls/${id}` }, short(id))))),
  column("action", (row) => (holds("LEGAL", "DPO") ? actor(`/orders/${encodeURIComponent(row.order)}`, "orders", reload)("lift", {
    look: "small danger", symbol: "close", make: confirm, warning: t("orders.lift.warning"),
    rows: [{ name: "reason", label: t("column.reason"), type: "textarea" }],
  }) : null)),
];

const recipientColumns = (reload) => [
  column("recipient", (row) => row.recipient), column("disclosed", (row) => instant(row.at)), column("erased", (row) => instant(row.erased_at)),
  column("rule", (row) => row.erased_by),
  column("told", (row) => (row.notified_at ? instant(row.notified_at) : badge(t("recipients.untold"), "bad", "alert"))),
  column("action", (row) => (holds("RIGHTS", "COMPLAINT", "INSPECTOR", "LEGAL", "DPO")
    ? actor(`/recipients/${row.id}`, "recipients", reload)(row.notified_at ? "confirmed" : "told", { look: "small", symbol: "check" }) : null)),
];

function receive() {
  return ask({
    title: t("orders.new"), intro: t("orders.new.intro"), submit: t("orders.new.do"), done: outcome,
    rows: [
      { name: "calls", label: t("column.calls"), type: "ids", required: true, hint: t("calls.ids.hint") },
      { name: "reason", label: t("orders.reason"), type: "textarea", required: true, hint: t("notes.sealed") },
      { name: "id", label: t("claims.id"), hint: t("claims.id.hint") },
    ],
    run: ({ id, ...values }) => post("/orders", { ...values, id: id || null }),
  });
}
