/** Proof: the consent record with its signature, and the certificate of an erasure. */

import { h } from "../dom.js";
import { day, instant } from "../format.js";
import { t, word, Word } from "../i18n.js";
import { badge, facts } from "./ui.js";

/** A consent record (GET /consents/{artifact}). */
export function consentFacts(record) {
  const seconds = (ms) => (ms === null || ms === undefined ? null : `${(ms / 1000).toFixed(1).replace(".", t("decimal"))} s`);
  const keys = (record.keys ?? []).map((key) => keyOf(key, seconds)).filter(Boolean);
  const questions = (record.questions ?? []).map(({ purpose, decision }) => `${Word("purpose", purpose)}: ${word("decision", decision)}`);
  return h("div.stack",
    h("div.row", badge(word("decision", record.decision), record.decision === "accepted" ? "ok" : "warn"),
      record.genuine === undefined ? null
        : badge(t(record.genuine ? "consent.genuine.short" : "consent.forged.short"), record.genuine ? "ok" : "bad", "seal")),
    facts([
      [t("consent.decided"), instant(record.decided_at)],
      [t("consent.rule"), record.decision_rule],
      [t("consent.prompt"), [record.prompt_id, record.prompt_version].filter(Boolean).join(" · v")],
      [t("consent.heard"), record.played_ms === null || record.played_ms === undefined ? null
        : t("consent.heard.of", { heard: seconds(record.played_ms), all: seconds(record.total_ms) })],
      [t("consent.marker"), record.marker && Word("marker", record.marker)],
      [t("consent.questions"), questions.length ? h("ul", questions.map((line) => h("li", line))) : null],
      [t("consent.keys"), keys.length ? h("ul", keys.map((line) => h("li", line))) : null],
      [t("consent.recording"), instant(record.recording_started_at)],
      [t("consent.withdrawn.at"), record.withdrawn_at && [instant(record.withdrawn_at), word("channel", record.withdrawn_channel)].filter(Boolean).join(" · ")],
      [t("consent.invalid"), record.invalid_reason],
      [t("column.language"), record.language], [t("consent.policy"), record.policy_version],
      [t("consent.hash"), record.record_hash && h("code", record.record_hash)],
    ]));
}

function keyOf(key, seconds) {
  if (key === null || typeof key !== "object") return String(key);
  return [key.digit, key.method, seconds(key.heard_ms), word("verdict", key.verdict)].filter(Boolean).join(" · ");
}

/** A certificate of erasure. */
export function certificateFacts(certificate) {
  const lapsed = (certificate.lapsed ?? []).map((ground) =>
    `${word("ground", ground.ground)} (${ground.rule})${ground.until ? ` · ${t("column.until")} ${day(ground.until)}` : ""}`
    + `${ground.ended_by ? ` · ${ground.ended_by}` : ""}`);
  return h("div.stack", h("div.row", badge(t("certificate.erased", { at: instant(certificate.purged_at) }), "ok", "seal")),
    facts([
      [t("certificate.id"), h("code", certificate.id)],
      [t("certificate.due"), instant(certificate.due_at)], [t("certificate.blocked"), instant(certificate.blocked_at)],
      [t("certificate.purged"), instant(certificate.purged_at)],
      [t("certificate.lapsed"), lapsed.length ? h("ul", lapsed.map((line) => h("li", line))) : null],
      [t("certificate.method"), certificate.method], [t("certificate.verifier"), certificate.verifier],
      [t("certificate.places"), (certificate.locations ?? []).join(", ")],
      [t("certificate.backups"), day(certificate.backups_out_on)],
    ]));
}
