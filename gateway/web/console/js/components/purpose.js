/** Saying in what role and for what something is read, before it is opened; quick when it is as last time. */

import { get } from "../api.js";
import { fill, h, uid } from "../dom.js";
import { t, Word } from "../i18n.js";
import { acting, session } from "../session.js";
import { recall, remember } from "../store.js";
import { fields } from "./form.js";
import { loading } from "./problems.js";
import { button, message } from "./ui.js";

const KEPT = "purpose";

/**
 * Asks for the capacity; `onStated({role, purpose, case, reason})` hears it.
 *
 * What was stated last in this session is chosen already, and the button has the focus: Enter is enough.
 * `none` is shown when none of somebody's roles would do.
 */
export function purposeBox(artifact, { submit, symbol = "play", onStated, autofocus = true, none }) {
  return loading(
    () => get(`/artifacts/${artifact}/ways`),
    (ways) => form(inOrder(ways), { submit, symbol, onStated, autofocus, none }),
    { lines: 3 },
  );
}

/** The capacities that would do, those in the role that somebody acts in first. */
export function inOrder(ways) {
  const mine = acting();
  return [...ways].sort((a, b) => Number(b.role === mine) - Number(a.role === mine));
}

function form(choices, { submit, symbol, onStated, autofocus, none }) {
  if (!choices.length) {
    return none ?? message(t("stating.none"), { tone: "warn", detail: t("stating.none.do") });
  }
  const last = recall(KEPT, "sessionStorage");
  const remembered = choices.findIndex((c) => c.role === last?.role && c.purpose === last?.purpose);
  let chosen = choices[Math.max(remembered, 0)];
  const name = uid("purpose");
  const extra = h("div.form");
  const place = h("div");
  let more;
  const draw = () => {
    const as = last?.role === chosen.role && last?.purpose === chosen.purpose ? last : {};
    more = fields([
      chosen.needs_case && {
        name: "case", label: t("stating.case"), required: true, hint: t("stating.case.hint"), value: as.case ?? chosen.case,
      },
      chosen.needs_reason && {
        name: "reason", label: t("stating.reason"), required: true, hint: t("stating.reason.hint"), type: "textarea",
        attributes: { rows: 2 },
      },
    ]);
    fill(extra, more.nodes);
  };
  const options = h(
    "fieldset",
    h("legend.sr-only", t("stating.legend")),
    h("div.choices", choices.map((choice, at) =>
      h("label",
        h("input", {
          type: "radio", name, value: String(at), checked: choice === chosen,
          onchange: () => { chosen = choice; draw(); },
        }),
        h("span", h("span.strong", Word("purpose", choice.purpose)), h("br"),
          h("span.hint", `${t("stating.as")} ${choice.role}${roleMeans(choice.role)}`))))),
  );
  const go = button(submit, { look: "primary", type: "submit", symbol });
  draw();
  const made = h(
    "form.grounds-asked",
    {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        if (!more.check()) return;
        const stated = { role: chosen.role, purpose: chosen.purpose, ...more.values() };
        // The reason is free text and is about one reading: it is never remembered.
        remember(KEPT, { role: stated.role, purpose: stated.purpose, case: stated.case }, "sessionStorage");
        onStated(stated, (problem) => fill(place, problem));
      },
    },
    options, extra, place,
    h("div.row", go, remembered >= 0 ? h("span.hint", t("stating.enter")) : null),
  );
  if (autofocus) queueMicrotask(() => focusOn(remembered >= 0 && !chosen.needs_reason ? go : made.querySelector("input:checked")));
  return made;
}

/** Takes the focus only from the heading, never from somewhere that somebody chose. */
function focusOn(control) {
  requestAnimationFrame(() => {
    const at = document.activeElement;
    if (!at || at === document.body || at.tagName === "H1") control?.focus({ preventScroll: true });
  });
}

function roleMeans(role) {
  const means = session()?.roles.find(({ name }) => name === role)?.means;
  return means ? ` · ${means}` : "";
}
