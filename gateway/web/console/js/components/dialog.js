/** Dialogs: the browser's own modal ones, which keep the focus inside and give it back. */

import { Problem } from "../api.js";
import { fill, h, uid } from "../dom.js";
import { t } from "../i18n.js";
import { fields } from "./form.js";
import { told } from "./problems.js";
import { button, busy, message, toast } from "./ui.js";

/** Opens a dialog; returns {dialog, close}. `foot` are its buttons; Escape closes it. */
export function open(title, body, { foot, onclose } = {}) {
  const id = uid("d");
  const close = () => dialog.close();
  const dialog = h(
    "dialog",
    { "aria-labelledby": id },
    h("div.dialog-head", h("h2", { id }, title), button(t("close"), { look: "quiet icon", symbol: "close", onclick: close })),
    h("div.dialog-body", body),
    foot && h("div.dialog-actions", foot),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose?.();
  });
  document.getElementById("dialogs").append(dialog);
  dialog.showModal();
  return { dialog, close };
}

/**
 * A form in a dialog: fields, a button that does it, problems where they belong.
 *
 * `run(values)` does the work and may return a text to show; resolves to what `run` gave, or undefined when
 * the dialog was closed. `warning` is shown above the fields of what cannot be undone.
 */
export function ask({ title, intro, warning, rows = [], submit, danger = false, run, done }) {
  return new Promise((resolve) => {
    const form = fields(rows);
    const place = h("div");
    let result;
    const go = button(submit, { look: danger ? "primary danger" : "primary", type: "submit" });
    const formId = uid("form");
    go.setAttribute("form", formId);
    const body = h(
      "form.form",
      {
        id: formId, novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          if (form.check()) busy(go, attempt);
        },
      },
      intro && h("p", intro), warning && message(warning, { tone: "warn" }), place, form.nodes,
    );
    async function attempt() {
      fill(place);
      try {
        result = (await run(form.values())) ?? true;
        opened.close();
        const line = typeof done === "function" ? done(result) : done;
        if (line) toast(line);
      } catch (error) {
        if (!(error instanceof Problem)) console.error(error);
        const left = form.complain(error);
        const { title: what, detail } = told(error);
        fill(place, message(what, { tone: "bad", detail, list: left.map(({ key, why }) => `${key}: ${why}`) }));
      }
    }
    const cancel = button(t("cancel"), { onclick: () => opened.close() });
    const opened = open(title, body, { foot: [cancel, go], onclose: () => resolve(result) });
    if (danger) cancel.focus();
    else form.focus();
    if (!rows.length && !danger) go.focus();
  });
}

/** Asks before what cannot be undone; "no" has the focus. */
export const confirm = (options) => ask({ danger: true, ...options });
