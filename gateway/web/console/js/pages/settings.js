/** The settings in force, and taking up those of the file: first what would change, then the change. */

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { holds } from "../session.js";
import { confirm } from "../components/dialog.js";
import { fields } from "../components/form.js";
import { loading, problemBox } from "../components/problems.js";
import { table } from "../components/table.js";
import { badge, busy, button, card, empty, message, pageHead } from "../components/ui.js";

export default function settings({ signal }) {
  const view = loading(() => get("/config", { signal }), show);
  const place = h("div.stack");
  const check = button(t("settings.check"), {
    look: "primary", symbol: "refresh",
    onclick: () => busy(check, async () => {
      try {
        fill(place, preview(await post("/config/reload", { dry_run: true }), () => view.reload(), place));
      } catch (error) {
        fill(place, problemBox(error));
      }
    }),
  });
  return h("div.page", pageHead(t("settings.title"), { lead: t("settings.lead"), actions: holds("SYSADMIN") ? check : null }),
    h("div", { role: "status" }, place), view);
}

/** What a reload would change, or the mistakes that stand in its way. */
function preview(found, reload, place) {
  if (found.mistakes?.length) {
    return card(t("settings.mistakes"), [message(t("settings.mistakes.do"), { tone: "bad" }), table(t("settings.mistakes"), [
      { label: t("settings.where"), cell: (row) => h("span.mono", row.where) }, { label: t("settings.key"), cell: (row) => h("code", row.key) },
      { label: t("settings.why"), cell: (row) => row.why },
    ], found.mistakes)], { id: "mistakes" });
  }
  const warnings = (found.warnings ?? []).map((each) => message(each, { tone: "warn" }));
  if (!found.changes?.length) return [...warnings, message(t("settings.same"), { tone: "info" })];
  const go = button(t("settings.reload"), { look: "primary", symbol: "check", onclick: async () => {
    const done = await confirm({
      title: t("settings.reload"), intro: t("settings.reload.intro", { count: found.changes.length }), danger: false,
      submit: t("settings.reload.do"), run: () => post("/config/reload", { dry_run: false }),
      done: (made) => t(made.taken ? "settings.reloaded" : "settings.refused"),
    });
    if (done && !done.taken) fill(place, preview(done, reload, place));
    if (done?.taken) {
      fill(place);
      reload();
    }
  } });
  return [...warnings, card(t("settings.changes"), table(t("settings.changes"), [
    { label: t("settings.key"), cell: (row) => h("code", row.key) },
    { label: t("settings.before"), cell: (row) => value(row.before) }, { label: t("settings.after"), cell: (row) => value(row.after) },
    { label: t("settings.effect"), cell: (row) => effect(row.effect) },
  ], found.changes), { id: "changes", flush: true, actions: go })];
}

// When a change is taken up, as `gateway.config.effects` names it.
const EFFECTS = { "at once": ["settings.now", "ok"], "for new calls": ["settings.calls", "accent"], "at the next start": ["settings.start", "warn"] };

function effect(name) {
  const [text, tone] = EFFECTS[name] ?? [];
  return badge(text ? t(text) : name, tone);
}

function show(found) {
  const rows = flat(found);
  const place = h("div");
  const draw = (wanted) => {
    const shown = rows.filter(([key]) => key.toLowerCase().includes(wanted.toLowerCase()));
    fill(place, shown.length ? table(t("settings.title"), [
      { label: t("settings.key"), cell: ([key]) => h("code", key) }, { label: t("settings.value"), cell: ([, at]) => value(at) },
    ], shown) : empty(t("settings.none"), t("settings.none.do"), { symbol: "search" }));
  };
  const form = fields([{ name: "find", label: t("settings.find"), type: "search", plain: true }]);
  form.control("find").addEventListener("input", (event) => draw(event.target.value));
  draw("");
  return card(t("settings.inforce"), [h("div.card-head", h("div.form-row", form.nodes)), place], { id: "inforce", flush: true });
}

/** Settings as rows of dotted key and value. */
export function flat(settings, prefix = "") {
  return Object.entries(settings).flatMap(([name, at]) => {
    const key = prefix ? `${prefix}.${name}` : name;
    return at !== null && typeof at === "object" && !Array.isArray(at) && Object.keys(at).length ? flat(at, key) : [[key, at]];
  });
}

function value(at) {
  if (at === null || at === undefined) return h("span.muted", t("settings.unset"));
  if (typeof at === "boolean") return t(at ? "yes" : "no");
  return h("code", typeof at === "object" ? JSON.stringify(at) : String(at));
}
