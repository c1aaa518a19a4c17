/** Several roles fit: in which one is it done? */

import { h, uid } from "../dom.js";
import { t } from "../i18n.js";
import { session } from "../session.js";
import { recall, remember } from "../store.js";
import { open } from "./dialog.js";
import { button } from "./ui.js";

/** Asks which of the roles that a problem names; resolves to its name, or null when somebody thinks better of it. */
export function chooseRole(problem) {
  const why = problem.errors.find(({ key }) => key === "Tast1-Role").why;
  const named = session().roles.filter(({ name }) => why.split(/[^A-Za-z0-9_-]+/).includes(name));
  const roles = named.length ? named : session().roles;
  const last = recall("chosen", "sessionStorage");
  const group = uid("role");
  return new Promise((resolve) => {
    let chosen = roles.find(({ name }) => name === last)?.name ?? roles[0]?.name;
    let answer = null;
    const form = uid("form");
    const body = h("form.form", {
      id: form,
      onsubmit: (event) => {
        event.preventDefault();
        answer = chosen;
        remember("chosen", chosen, "sessionStorage");
        opened.close();
      },
    }, h("p", t("role.which.lead")), h("fieldset", h("legend.sr-only", t("role.which")),
      h("div.choices", roles.map(({ name, means }) => h("label",
        h("input", { type: "radio", name: group, value: name, checked: name === chosen, onchange: () => { chosen = name; } }),
        h("span", h("span.strong", name), h("br"), h("span.hint", means)))))));
    const go = button(t("continue"), { look: "primary", type: "submit", form });
    const opened = open(t("role.which"), body, {
      foot: [button(t("cancel"), { onclick: () => opened.close() }), go], onclose: () => resolve(answer),
    });
    go.focus();
  });
}
