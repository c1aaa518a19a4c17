/** One artifact: a recording to listen to and read along, why it is kept and until when, proof of consent or erasure. */

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { day, instant, length, short, until } from "../format.js";
import { t, word, Word } from "../i18n.js";
import { holds } from "../session.js";
import { consentFacts, certificateFacts } from "../components/evidence.js";
import { player } from "../components/player.js";
import { loading, problemBox } from "../components/problems.js";
import { purposeBox } from "../components/purpose.js";
import { groundsTimeline } from "../components/timeline.js";
import { transcript } from "../components/transcript.js";
import { badge, card, empty, facts, linkButton, message, pageHead, button } from "../components/ui.js";

const SOUND = ["AUD", "INVR"];
const STATE_TONES = { sealed: "ok", capturing: "bad", erased: "" };

export default async function recording({ params, signal }) {
  const view = await get(`/artifacts/${params.id}`, { signal });
  const { facts: found } = view;
  const gone = found.state === "erased";
  const head = pageHead(t("recording.title", { kind: Word("kind", found.kind), at: instant(view.created_at) }), {
    back: found.call ? { href: `/console/calls/${found.call}`, label: t("recording.call", { call: short(found.call) }) }
      : { href: "/console/calls", label: t("nav.calls") },
    actions: [badge(word("state", found.state), STATE_TONES[found.state] ?? "warn"), lastDay(found)],
  });
  const side = h("div.stack",
    card(t("recording.facts"), factsOf(view), { id: "facts" }),
    card(t("recording.why"), loading(() => get(`/artifacts/${found.artifact}/why`, { signal }), (why) => h("p", why.why), { lines: 2 }),
      { id: "why" }),
    found.call ? consentCard(found, signal) : null);
  const main = h("div.stack",
    gone ? null : content(view, signal),
    card(t("timeline.title"), view.grounds.length ? groundsTimeline(view.grounds)
      : empty(t("timeline.none"), gone ? t("timeline.none.gone") : "", { symbol: "retention" }), { id: "grounds" }),
    view.certificate ? card(t("certificate.title"), certificateFacts(view.certificate), { id: "certificate" }) : null);
  return h("div.page", head, gone ? message(t("recording.gone"), { tone: "info", detail: t("recording.gone.do") }) : null,
    h("div.columns", main, side));
}

/** The consent record of the call, for those who may read it; to be shown, a purpose is stated. */
function consentCard(found, signal) {
  const place = loading(() => get(`/calls/${found.call}`, { signal }), ({ artifacts }) => {
    const evidence = artifacts.find(({ kind, state }) => (kind === "CE" || kind === "NL") && state !== "erased");
    if (!evidence) return h("p.muted", t("consent.none"));
    return purposeBox(evidence.artifact, {
      submit: t("consent.show"), symbol: "seal", autofocus: false, none: h("p.muted", t("consent.closed")),
      onStated: async (capacity, complain) => {
        try {
          fill(place, consentFacts(await get(`/consents/${evidence.artifact}`, { capacity, signal })));
        } catch (error) {
          if (error.name !== "AbortError") complain(problemBox(error));
        }
      },
    });
  }, { lines: 2 });
  return card(t("consent.title"), place, { id: "consent" });
}

function lastDay(found) {
  if (found.state === "erased") return null;
  return found.until ? badge(`${t("column.until")} ${day(found.until)} · ${until(found.until)}`, "accent", "retention")
    : badge(t("ground.open"), "warn", "retention");
}

function factsOf({ facts: found, created_at: created }) {
  return facts([
    [t("column.artifact"), h("span.mono", found.artifact)],
    [t("column.call"), found.call && h("a.mono", { href: `/console/calls/${found.call}` }, found.call)],
    [t("column.kind"), Word("kind", found.kind)],
    [t("column.created"), instant(created)],
    [t("column.duration"), found.duration_ms === null || found.duration_ms === undefined ? null : length(found.duration_ms / 1000)],
    [t("column.lawful_basis"), (found.lawful_basis ?? []).join(", ")],
    [t("column.until"), found.until ? day(found.until) : null],
    [t("column.expires_at"), instant(found.expires_at)],
    [t("column.incomplete"), found.incomplete_reason && word("incomplete", found.incomplete_reason)],
    [t("column.sha256"), found.sha256 && h("code", found.sha256)],
    [t("column.controller"), found.controller], [t("column.processor"), found.processor], [t("column.region"), found.region],
  ]);
}

// --- what it holds: only after it is said in what role and for what ---

function content(view, signal) {
  const found = view.facts;
  const isSound = SOUND.includes(found.kind);
  const words = found.kind === "TRS" ? found.artifact : view.transcript;
  if (found.state === "capturing") {
    return card(t("recording.listen"), message(t("recording.capturing"), {
      detail: t("recording.capturing.do"), action: linkButton(t("nav.live"), `/console/live/${found.call}`),
    }), { id: "content" });
  }
  if (!isSound && !words) return null;
  const place = h("div.stack");
  const ask = purposeBox(found.artifact, {
    submit: t(isSound ? "recording.listen.do" : "recording.read.do"), symbol: isSound ? "play" : "file",
    onStated: async (capacity, complain) => {
      try {
        const opened = await openAll(found, { isSound, words, capacity, signal });
        fill(place, opened);
      } catch (error) {
        if (error.name !== "AbortError") complain(problemBox(error));
      }
    },
  });
  fill(place, card(t(isSound ? "recording.listen" : "recording.read"), [
    h("p.muted", t("recording.ask")), ask,
    view.recording ? h("a", { href: `/console/recordings/${view.recording}` }, t("recording.of_transcript")) : null,
  ], { id: "content" }));
  return place;
}

async function openAll(found, { isSound, words, capacity, signal }) {
  const read = (unredacted) => get(`/transcripts/${words}`, {
    capacity, signal, query: { format: "json", unredacted: unredacted || undefined },
  });
  let heard = null;
  if (isSound) {
    const listen = await post(`/recordings/${found.artifact}/listen`, {}, { capacity, signal });
    const peaks = await get(inside(listen.peaks_url), { signal });
    heard = player(found.artifact, { peaks, listen, capacity, signal, duration: found.duration_ms / 1000 });
  }
  const stated = badge(`${capacity.role} · ${word("purpose", capacity.purpose)}`, "accent", "lock");
  const parts = heard ? [card(t("recording.listen"), heard.node, { id: "content", actions: stated })] : [];
  if (words) {
    let shown = null;
    heard?.onTime((seconds) => shown?.at(seconds));
    let whole = false;
    const box = loading(() => read(whole), (said) => {
      shown = transcript(said, { onSeek: heard ? heard.seek : null });
      return shown.node;
    });
    const reveal = holds("RIGHTS", "COMPLAINT", "INSPECTOR", "LEGAL", "DPO")
      ? button(t("transcript.whole"), {
        look: "small", symbol: "lock", "aria-pressed": "false",
        onclick: () => {
          whole = !whole;
          reveal.setAttribute("aria-pressed", String(whole));
          reveal.querySelector("span").textContent = t(whole ? "transcript.redacted" : "transcript.whole");
          box.reload();
        },
      }) : null;
    parts.push(card(t("transcript.title"), box, { id: "transcript", actions: [heard ? null : stated, reveal] }));
  } else if (isSound) {
    parts.push(card(t("transcript.title"), empty(t("transcript.missing"), t("transcript.missing.do"), { symbol: "file" }), { id: "transcript" }));
  }
  return parts;
}

/** An address that the gateway gave, as `get` takes it. */
const inside = (url) => url.replace(/^.*?\/api\/v1/, "");
