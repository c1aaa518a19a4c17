/** The audit log: who did what to what, newest first; and whether the chain is whole. */

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { instant, number, short } from "../format.js";
import { t, Word } from "../i18n.js";
import { note } from "../router.js";
import { fields } from "../components/form.js";
import { problemBox } from "../components/problems.js";
import { table } from "../components/table.js";
import { busy, button, card, empty, message, pageHead, skeleton } from "../components/ui.js";

export default function audit({ query, signal }) {
  const verdict = h("div");
  const form = fields(["subject", "action", "actor"].map((name) => ({
    name, label: t(`audit.${name}`), type: "search", value: query.get(name) ?? "", plain: true,
  })));
  const place = h("div", skeleton(6));
  const submit = button(t("calls.show"), { type: "submit", look: "primary", symbol: "search" });
  const filter = h("form.form-row", {
    role: "search",
    onsubmit: (event) => {
      event.preventDefault();
      note(`/audit?${new URLSearchParams(Object.entries(form.values()).filter(([, value]) => value))}`);
      busy(submit, show);
    },
  }, form.nodes, submit);
  const page = (before) => get("/audit", { signal, query: { ...form.values(), before } });

  async function show() {
    try {
      const found = await page();
      if (!found.items.length) {
        fill(place, empty(t("audit.none"), t("audit.none.do"), { symbol: "audit" }));
        return;
      }
      const rows = table(t("audit.title"), columns(), found.items);
      fill(place, rows);
      more(rows, found.next);
    } catch (error) {
      if (error.name !== "AbortError") fill(place, h("div.skeleton", problemBox(error, show)));
    }
  }
  function more(rows, before) {
    if (!before) return;
    const next = button(t("more"), { onclick: () => busy(next, async () => {
      try {
        const found = await page(before);
        rows.add(found.items);
        box.remove();
        more(rows, found.next);
      } catch (error) {
        if (error.name !== "AbortError") fill(verdict, problemBox(error));
      }
    }) });
    const box = h("div.more", next);
    place.append(box);
  }
  const verify = button(t("audit.verify"), { symbol: "seal", onclick: () => busy(verify, async () => {
    try {
      const found = await post("/audit/verify");
      fill(verdict, found.intact
        ? message(t("audit.intact"), { tone: "info", detail: t("audit.intact.detail", { count: number(found.entries) }) })
        : message(t("audit.broken"), { tone: "bad", detail: t("audit.broken.detail", { entry: found.broken_at }) }));
    } catch (error) {
      fill(verdict, problemBox(error));
    }
  }) });
  show();
  return h("div.page", pageHead(t("audit.title"), { lead: t("audit.lead"), actions: verify }), h("div", { role: "status" }, verdict),
    card(t("audit.entries"), [h("div.card-head", filter), place], { id: "entries", flush: true }));
}

const columns = () => [
  { label: "#", cell: (row) => String(row.seq) },
  { label: t("column.at"), cell: (row) => instant(row.at) },
  { label: t("column.by"), cell: (row) => [row.actor.id, row.actor.role].filter(Boolean).join(" · ") },
  { label: t("column.action"), cell: (row) => Word("action", row.action) },
  { label: t("audit.subject"), cell: (row) => h("span.mono", { title: row.subject }, short(row.subject)) },
  { label: t("column.detail"), cell: (row) => details(row.detail) },
];

function details(detail) {
  const told = Object.entries(detail).filter(([, value]) => value !== null && value !== "");
  if (!told.length) return null;
  return h("details", h("summary", t("audit.detail")), h("dl.facts", told.map(([name, value]) =>
    [h("dt", name), h("dd.mono", typeof value === "object" ? JSON.stringify(value) : String(value))])));
}
