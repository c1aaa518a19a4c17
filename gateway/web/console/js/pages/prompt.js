/** One version of a prompt: how it sounds on a telephone, what is wrong with it, approved and put to use. */

import { get, upload } from "../api.js";
import { h } from "../dom.js";
import { instant, length } from "../format.js";
import { t, Word } from "../i18n.js";
import { go } from "../router.js";
import { holds, session } from "../session.js";
import { actor } from "../components/claims.js";
import { ask } from "../components/dialog.js";
import { outcome } from "../components/outcome.js";
import { loading } from "../components/problems.js";
import { badge, button, card, empty, facts, message, pageHead } from "../components/ui.js";
import { stateBadge } from "./prompts.js";

export default function prompt({ params, signal }) {
  const path = `/prompts/${params.set}/${params.role}/${encodeURIComponent(params.version)}`;
  const view = loading(() => get(path, { signal }), (found) => show(found, path, () => view.reload()));
  return h("div.page", pageHead(t("prompt.title", { role: Word("prompt", params.role), version: params.version, set: params.set }), {
    back: { href: "/console/prompts", label: t("nav.prompts") },
  }), view);
}

function show({ version: found, findings }, path, reload) {
  return h("div.columns",
    h("div.stack",
      card(t("prompt.sound"), [h("p.muted", t("prompt.sound.lead")),
        h("audio", { controls: true, preload: "none", src: `/api/v1${path}/audio`, "aria-label": t("prompt.sound") })], { id: "sound" }),
      card(t("prompt.text"), h("p", { lang: found.set }, found.text), { id: "text" }),
      card(t("prompt.findings"), findings.length ? h("div.stack", findings.map((each) =>
        message(each.text, { tone: each.severity === "error" ? "bad" : "warn" })))
        : empty(t("prompt.findings.none"), ""), { id: "findings" })),
    h("div.stack",
      card(t("recording.facts"), facts([
        [t("column.state"), stateBadge(found)], [t("column.duration"), length(found.duration_ms / 1000)],
        [t("prompt.loudness"), found.loudness_lufs === null ? null : `${found.loudness_lufs.toFixed(1).replace(".", t("decimal"))} LUFS`],
        [t("column.created"), instant(found.made_at)], [t("column.by"), found.made_by],
        [t("prompts.approved"), [found.approved_by, instant(found.approved_at)].filter(Boolean).join(" · ")],
      ]), { id: "facts" }),
      actions(found, findings, path, reload)));
}

function actions(found, findings, path, reload) {
  const own = found.made_by === session().person.id;
  const warned = findings.some(({ severity }) => severity === "warning");
  const reason = { name: "reason", label: t("column.reason"), type: "textarea", required: warned, hint: t("prompt.reason.hint") };
  const act = actor(path, "prompt", reload);
  const made = actor(`/prompts/${found.set}/${found.role}`, "prompt", (result) => go(`/prompts/${result.version.prompt}`));
  const list = [
    found.state === "draft" && holds("SYSADMIN", "DPO", "LEGAL") && (own ? badge(t("prompt.own"), "", "users") : act("approve", {
      look: "primary", symbol: "check",
      rows: [warned && { name: "accept_warnings", label: t("prompt.accept"), type: "check", required: true }, reason],
    })),
    ["approved", "shipped"].includes(found.state) && holds("SYSADMIN", "DPO") && act("activate", {
      symbol: "play", look: found.state === "approved" ? "primary" : "", intro: t("prompt.activate.intro"),
      rows: [
        { name: "flow", label: t("column.flow"), hint: t("prompt.flow.hint") },
        { name: "number", label: t("prompt.number"), hint: t("prompt.number.hint"), type: "tel" },
        { name: "begins_at", label: t("prompts.begins"), type: "datetime-local", hint: t("prompt.begins.hint") },
      ],
      body: ({ begins_at: begins, ...place }) => ({ ...place, begins_at: begins ? new Date(begins).toISOString() : null }),
    }),
    holds("SYSADMIN", "DPO", "LEGAL") && made("render", {
      symbol: "plus", intro: t("prompt.render.intro"),
      rows: [
        { name: "text", label: t("prompt.text"), type: "textarea", required: true, value: found.text, attributes: { rows: 8, lang: found.set } },
        ...(asks(found.role) ? ["purposes_end", "key_instruction"] : []).map((name) =>
          ({ name, label: t(`prompt.marker.${name}`), hint: t("prompt.marker.hint") })),
      ],
      body: ({ text, ...markers }) => ({ text, markers: Object.fromEntries(Object.entries(markers).filter(([, words]) => words)) }),
    }),
    holds("SYSADMIN", "DPO", "LEGAL")
      && button(t("prompt.import"), { symbol: "file", onclick: () => bringIn(found) }),
  ].filter(Boolean);
  return list.length ? card(t("call.actions"), h("div.form", list), { id: "actions" }) : null;
}

/** Whether a prompt asks for consent, and so has markers. */
const asks = (role) => role === "consent" || role.startsWith("consent_");

/** A studio's recording becomes a version. */
async function bringIn(found) {
  const made = await ask({
    title: t("prompt.import"), intro: t("prompt.import.intro"), submit: t("prompt.import.do"), done: outcome,
    rows: [
      { name: "file", label: t("prompt.file"), type: "file", required: true, hint: t("prompt.file.hint"), attributes: { accept: "audio/*" } },
      { name: "text", label: t("prompt.text"), type: "textarea", required: true, value: found.text, attributes: { rows: 8, lang: found.set } },
      ...(asks(found.role) ? ["purposes_end", "key_instruction", "prompt_end"] : []).map((name) => ({
        name, label: t(`prompt.place.${name}`), hint: t("prompt.place.hint"), required: true, attributes: { inputmode: "numeric" },
      })),
      { name: "level", label: t("prompt.level"), type: "check" },
    ],
    run: (values) => upload(`/prompts/${found.set}/${found.role}/import`, values),
  });
  if (made) go(`/prompts/${made.version.prompt}`);
}
