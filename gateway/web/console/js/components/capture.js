/** Whether a call is being recorded, in one word that cannot be misread, and what may be asked of it. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { t, word } from "../i18n.js";
import { holds, session } from "../session.js";
import { confirm } from "./dialog.js";
import { icon } from "./icons.js";
import { told } from "./problems.js";
import { busy, button, toast } from "./ui.js";

const SYMBOLS = { off: "ring", recording: "dot", paused: "pause", stopped: "stop" };

/** "recording", "paused", "stopped" (was recorded, or consent is withdrawn) or "off". */
export function captureOf(call) {
  if (call.paused) return "paused";
  if (call.recording) return "recording";
  const ended = call.consent === "withdrawn" || call.capture === "over";
  return ended || (call.recording_id && call.consent !== "undecided") ? "stopped" : "off";
}

/** The state in capitals, with a sign and a colour. */
export function captureSign(call) {
  const state = captureOf(call);
  return h("div.capture", { class: state }, icon(SYMBOLS[state], 22), h("span", t(`capture.${state}`)),
    h("small", word("consent", call.consent)));
}

/** The buttons that fit the state. */
export function captureButtons(call, { look = "" } = {}) {
  const state = captureOf(call);
  const up = call.phase !== "ended";
  const asking = (name, options = {}) => {
    const made = button(t(`live.${name}`), {
      look: [look, options.look].filter(Boolean).join(" "), symbol: options.symbol, disabled: !up,
      onclick: () => (options.sure ? stop(call) : busy(made, () => ask(call, name))),
    });
    return made;
  };
  const talking = ["talking", "message"].includes(call.phase);
  const presses = holds("AGENT", "INSPECTOR");
  // Withdrawing is for every role but a processor's.
  const stops = (state === "recording" || state === "paused") && session()?.roles.some(({ name }) => !name.startsWith("PROCESSOR-"));
  if (!presses) return stops ? [asking("stop", { symbol: "stop", look: "danger", sure: true })] : [];
  return [
    state === "recording" && asking("pause", { symbol: "pause" }),
    state === "paused" && asking("resume", { symbol: "play", look: "primary" }),
    stops && asking("stop", { symbol: "stop", look: "danger", sure: true }),
    talking && ["denied", "withdrawn"].includes(call.consent) && asking("offer", { symbol: "offer" }),
  ].filter(Boolean);
}

async function ask(call, name) {
  try {
    await post(`/live/calls/${call.call}/${name}`);
    toast(t(`live.${name}.asked`));
  } catch (error) {
    const { title, detail } = told(error);
    toast([title, detail].filter(Boolean).join(" "), "alert");
  }
}

function stop(call) {
  return confirm({
    title: t("live.stop.title"), warning: t("live.stop.warning"), submit: t("live.stop"),
    run: () => post(`/live/calls/${call.call}/stop`), done: t("live.stop.asked"),
  });
}
