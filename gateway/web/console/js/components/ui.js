/** The small parts every page is made of. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "./icons.js";

/** A button. `look`: "primary", "danger", "quiet", "small", "icon", together or not at all. */
export function button(label, { look = "", symbol, onclick, type = "button", ...rest } = {}) {
  const onlyIcon = look.split(" ").includes("icon");
  return h(
    "button.button",
    { type, class: look, onclick, ...(onlyIcon ? { "aria-label": label, title: label } : {}), ...rest },
    symbol && icon(symbol),
    onlyIcon ? null : h("span", label),
  );
}

/** A link that looks like a button. */
export function linkButton(label, href, { look = "", symbol, ...rest } = {}) {
  return h("a.button", { href, class: look, ...rest }, symbol && icon(symbol), h("span", label));
}

/** Runs `work` while the button says that it is busy and takes no second press. */
export async function busy(control, work) {
  if (control.getAttribute("aria-busy") === "true") return undefined;
  control.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    control.removeAttribute("aria-busy");
  }
}

/** A word with a colour; the word alone must do. `tone`: "ok", "warn", "bad", "accent" or none. */
export const badge = (text, tone = "", symbol = null) =>
  h("span.badge", { class: tone }, symbol && icon(symbol, 14), text);

/** A titled surface. `flush`: its content goes to the edges, as a table does. */
export function card(title, content, { actions, flush = false, id, level = "h2" } = {}) {
  const head = title ? h("div.card-head", h(level, { id }, title), actions && h("div.row", actions)) : null;
  return h("section.card", { class: flush ? "flush" : "", "aria-labelledby": title && id }, head, content);
}

/** The top of a page: heading (gets the focus), what it is for, what can be done. */
export function pageHead(title, { lead, actions, back } = {}) {
  return h(
    "header",
    back && h("a.crumb", { href: back.href }, icon("back", 16), back.label),
    h(
      "div.page-head",
      h("div", h("h1", { tabindex: -1 }, title), lead && h("p.lead", lead)),
      actions && h("div.row", actions),
    ),
  );
}

/** Names and values; what is empty is left out. Rows are [name, value]. */
export function facts(rows) {
  const told = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl.facts", told.map(([name, value]) => [h("dt", name), h("dd", value)]));
}

/** What stands where nothing is yet: what it means and what to do. */
export const empty = (title, text, { symbol = "check", action } = {}) =>
  h("div.empty", icon(symbol), h("strong", title), text && h("p", text), action);

/** Grey lines while something loads. */
export const skeleton = (lines = 5) =>
  h("div.skeleton", { role: "status" }, h("span.sr-only", t("loading")),
    Array.from({ length: lines }, () => h("i", { "aria-hidden": "true" })));

const SYMBOLS = { bad: "alert", warn: "alert", good: "check", info: "info" };

/** A message in the page. `tone`: "bad" (spoken at once), "warn", "info". */
export function message(title, { tone = "info", detail, action, list } = {}) {
  return h(
    "div.message",
    { class: tone, role: tone === "bad" ? "alert" : undefined },
    icon(SYMBOLS[tone] ?? "info"),
    h("div", h("strong", title), detail && h("p", detail),
      list?.length ? h("ul", list.map((line) => h("li", line))) : null, action && h("div.row", action)),
  );
}

/** A line at the corner of the window that goes by itself; it is spoken. */
export function toast(text, symbol = "check") {
  const line = h("div.toast", icon(symbol), h("span", text));
  document.getElementById("toasts").append(line);
  setTimeout(() => line.remove(), 6000);
}
