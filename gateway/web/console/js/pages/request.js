/** One rights request: identity, scope, answer, package; each step says what it waits for. */

import { download, get, post } from "../api.js";
import { h } from "../dom.js";
import { instant, short } from "../format.js";
import { t, Word } from "../i18n.js";
import { holds } from "../session.js";
import { ask, confirm } from "../components/dialog.js";
import { icon } from "../components/icons.js";
import { notes } from "../components/notes.js";
import { outcome } from "../components/outcome.js";
import { loading, told } from "../components/problems.js";
import { badge, busy, button, card, facts, pageHead, toast } from "../components/ui.js";
import { dueBadge } from "./requests.js";

export default function request({ params, signal }) {
  const view = loading(() => get(`/requests/${params.id}`, { signal, capacity: { case: params.id, purpose: "accountability" } }),
    (found) => show({ ...found.request, notes: found.notes }, () => view.reload()));
  return h("div.page", pageHead(t("request.title", { request: params.id }), { back: { href: "/console/requests", label: t("nav.requests") } }), view);
}

function show(found, reload) {
  const list = (title, ids, path) => [title, ids.length
    ? h("ul", ids.map((id) => h("li", h("a.mono", { href: `/console/${path}/${id}` }, short(id))))) : t("none")];
  return [
    steps(found),
    h("div.columns",
      h("div.stack", card(t("notes.title"), notes(found.notes), { id: "notes" })),
      h("div.stack",
        card(t("request.facts"), facts([
          [t("column.right"), Word("right", found.right)], [t("column.requester"), Word("requester", found.requester)],
          [t("column.received"), instant(found.received_at)], [t("column.due"), dueBadge(found)],
          [t("request.extended"), found.extended ? badge(t("yes"), "accent") : null],
          [t("column.answered"), instant(found.answered_at)],
          list(t("column.calls"), found.calls, "calls"), list(t("column.held"), found.held, "recordings"),
        ]), { id: "facts" }),
        actions(found, reload))),
  ];
}

const isIdentified = (found) =>
  (found.notes ?? []).some(({ kind, words }) => kind === "identity" && words?.result === "confirmed");

function steps(found) {
  const isAnswered = Boolean(found.answered_at);
  const identified = isIdentified(found) || isAnswered;
  const done = [true, identified, found.calls.length > 0, isAnswered];
  const now = done.indexOf(false);
  return h("ol.steps", { "aria-label": t("request.steps") },
    ["received", "identified", "scoped", "answered"].map((name, at) =>
      h("li", { class: done[at] ? "done" : at === now ? "now" : "", "aria-current": at === now ? "step" : undefined },
        icon(done[at] ? "check" : "dot", 16), t(`request.step.${name}`))));
}

function actions(found, reload) {
  if (!holds("RIGHTS", "DPO")) return null;
  const open = !found.answered_at;
  const act = (name, options, make = ask) => button(t(`request.${name}`), {
    symbol: options.symbol, look: options.look,
    onclick: async () => {
      const done = await make({
        title: t(`request.${name}`), submit: t(`request.${name}.do`), done: outcome,
        run: (values) => post(`/requests/${found.id}/${options.path ?? name}`, values), ...options,
      });
      if (done) reload();
    },
  });
  const list = open ? [
    act("identify", {
      symbol: "seal", look: isIdentified(found) ? "" : "primary",
      rows: [
        { name: "result", label: t("request.identify.result"), type: "select", required: true, options: ["confirmed", "failed"].map((r) => [r, t(`request.identify.${r}`)]) },
        { name: "how", label: t("request.identify.how"), type: "textarea", required: true, hint: t("request.identify.hint") },
      ],
    }),
    act("scope", { symbol: "plus", rows: [{ name: "calls", label: t("column.calls"), type: "ids", required: true, hint: t("calls.ids.hint") }] }),
    !found.extended && act("extend", {
      symbol: "retention", intro: t("request.extend.intro"),
      rows: [{ name: "reason", label: t("column.reason"), type: "textarea", required: true, hint: t("notes.sealed") }],
    }),
    act("answer", {
      symbol: "check", look: isIdentified(found) ? "primary" : "", warning: t("request.answer.warning"),
      rows: [
        { name: "reply", label: t("request.reply"), type: "textarea", hint: t("notes.sealed") },
        { name: "keep", label: t("request.keep"), type: "check", hint: t("request.keep.hint") },
        { name: "reason", label: t("request.keep.reason"), type: "textarea" },
        found.right === "access" && { name: "letter", label: t("request.letter"), type: "select", options: [["da", "Dansk"], ["en", "English"]] },
      ],
    }, confirm),
  ] : [
    found.right === "access" && packageButton(found),
    act("release", { symbol: "close", look: "danger", warning: t("request.release.warning") }, confirm),
  ];
  return card(t("call.actions"), h("div.form", list.filter(Boolean)), { id: "actions" });
}

function packageButton(found) {
  const made = button(t("request.package"), {
    symbol: "download", look: "primary",
    onclick: () => busy(made, async () => {
      try {
        await download(`/requests/${found.id}/package`, `${found.id}.zip`, { capacity: { case: found.id, purpose: "access_package" } });
        toast(t("request.package.done"));
      } catch (error) {
        const { title, detail } = told(error);
        toast([title, detail].filter(Boolean).join(" "), "alert");
      }
    }),
  });
  return made;
}
