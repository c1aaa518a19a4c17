/** Fields from rows of data: labelled, with hint and error where they belong. */

import { fill, h, uid } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "./icons.js";

/**
 * Fields of a form.
 *
 * A row: {name, label, type, hint, required, value, options: [[value, label]], attributes}. Types: those of
 * `input`, "select", "textarea", "check", "file", "ids" (words separated by spaces or lines, an array of them).
 * Returns {nodes, values(), complain(problem) -> errors of no field, check(), focus()}.
 */
export function fields(rows) {
  const made = rows.filter(Boolean).map((row) => ({ row, ...field(row) }));
  return {
    nodes: made.map(({ node }) => node),
    control: (name) => made.find(({ row }) => row.name === name)?.control,
    values: () => Object.fromEntries(made.map(({ row, control }) => [row.name, valueOf(row, control)])),
    focus: () => made[0]?.control.focus(),
    check() {
      made.forEach(({ error }) => error(""));
      const missing = made.filter(({ row, control }) => row.required && !isGiven(row, control));
      missing.forEach(({ error }) => error(t("field.required")));
      missing[0]?.control.focus();
      return missing.length === 0;
    },
    complain(problem) {
      const left = [];
      let first = null;
      for (const { key, why } of problem.errors ?? []) {
        const at = made.find(({ row }) => row.name === key || (row.keys ?? []).includes(key));
        if (at) {
          at.error(why);
          first ??= at.control;
        } else {
          left.push({ key, why });
        }
      }
      first?.focus();
      return left;
    },
  };
}

function field(row) {
  const id = uid("f");
  const control = controlOf(row, id);
  const hint = row.hint ? h("span.hint", { id: `${id}-hint` }, row.hint) : null;
  const place = h("span.field-error", { id: `${id}-error`, hidden: true });
  const described = [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");
  control.setAttribute("aria-describedby", described);
  const error = (text) => {
    place.hidden = !text;
    fill(place, text && icon("alert", 16), text);
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  const mark = row.required || row.type === "check" ? null : h("span.hint", ` (${t("field.optional")})`);
  const label = h("label", { for: id }, row.label, row.plain ? null : mark);
  const node = row.type === "check"
    ? h("div.field", h("div.check", control, h("div", label, hint && h("div", hint))), place)
    : h("div.field", label, control, hint, place);
  return { node, control, error };
}

function controlOf(row, id) {
  const common = { id, name: row.name, onchange: row.onchange, ...row.attributes };
  if (row.required) common["aria-required"] = "true";
  if (row.type === "select") {
    const options = row.options.map(([value, label]) => h("option", { value }, label));
    const select = h("select", common, options);
    if (row.value !== undefined) select.value = row.value;
    return select;
  }
  if (row.type === "textarea" || row.type === "ids") {
    const lines = row.type === "ids" ? { rows: 2, spellcheck: "false", autocapitalize: "off" } : { rows: 4 };
    return h("textarea", { ...lines, ...common, value: row.value ?? "" });
  }
  if (row.type === "check") return h("input", { type: "checkbox", ...common, checked: Boolean(row.value) });
  if (row.type === "file") return h("input", { type: "file", ...common });
  return h("input", { type: row.type ?? "text", autocomplete: "off", ...common, value: row.value ?? "" });
}

function valueOf(row, control) {
  if (row.type === "check") return control.checked;
  if (row.type === "file") return control.files[0] ?? null;
  if (row.type === "ids") return control.value.split(/[\s,;]+/).filter(Boolean);
  if (row.type === "number") return control.value === "" ? null : Number(control.value);
  return control.value.trim();
}

const isGiven = (row, control) => {
  const value = valueOf(row, control);
  return Array.isArray(value) ? value.length > 0 : value !== "" && value !== null && value !== false;
};
