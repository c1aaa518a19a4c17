/** A two-channel waveform on a canvas, caller above, agent below; a slider to the keyboard and to screen readers. */

import { h } from "../dom.js";
import { length } from "../format.js";
import { t } from "../i18n.js";

/** Peaks as fractions of full scale, whatever unit they came in: int8 of the store, or fractions. */
export function normalised(peaks) {
  const most = Math.max(1, ...["caller", "agent"].map((leg) =>
    peaks[leg].reduce((top, [low, high]) => Math.max(top, -low, high), 0)));
  const scale = most > 1.001 ? 1 / 128 : 1;
  return {
    seconds_per_point: peaks.milliseconds_per_point / 1000,
    caller: peaks.caller.map(([low, high]) => [low * scale, high * scale]),
    agent: peaks.agent.map(([low, high]) => [low * scale, high * scale]),
  };
}

/** Spans in seconds, at least `least` long, in which neither side is heard. */
export function silences(peaks, { level = 0.02, least = 1.2 } = {}) {
  const spans = [];
  const points = Math.max(peaks.caller.length, peaks.agent.length);
  const loud = (leg, at) => Math.max(-(peaks[leg][at]?.[0] ?? 0), peaks[leg][at]?.[1] ?? 0) > level;
  let from = null;
  for (let at = 0; at <= points; at += 1) {
    const quiet = at < points && !loud("caller", at) && !loud("agent", at);
    if (quiet && from === null) from = at;
    if (!quiet && from !== null) {
      const span = [from * peaks.seconds_per_point, at * peaks.seconds_per_point];
      if (span[1] - span[0] >= least) spans.push(span);
      from = null;
    }
  }
  return spans;
}

/**
 * The waveform: {node, at(seconds), zoom(factor)}. `onSeek(seconds)` hears clicks and keys.
 *
 * `duration` in seconds.
 */
export function waveform(peaks, duration, { onSeek }) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const node = h(
    "div.wave",
    {
      role: "slider", tabindex: 0, "aria-label": t("wave.label"), "aria-valuemin": 0,
      "aria-valuemax": Math.round(duration), "aria-valuenow": 0, "aria-valuetext": length(0),
    },
    canvas, h("span.wave-label.caller", t("leg.caller")), h("span.wave-label.agent", t("leg.agent")),
  );
  let now = 0;
  let shown = duration; // seconds across the width
  let left = 0;

  function draw() {
    const { width, height } = node.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    if (!width) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const to = canvas.getContext("2d");
    to.scale(ratio, ratio);
    const style = getComputedStyle(node);
    const colour = (name) => style.getPropertyValue(name).trim();
    const half = height / 2;
    drawLeg(to, peaks.caller, colour("--caller"), half / 2, half / 2 - 6, width);
    drawLeg(to, peaks.agent, colour("--agent"), half + half / 2, half / 2 - 6, width);
    to.globalAlpha = 1;
    to.fillStyle = colour("--line");
    to.fillRect(0, half, width, 1);
    to.fillStyle = colour("--danger");
    to.fillRect(Math.round(((now - left) / shown) * width) - 1, 0, 2, height);
  }

  function drawLeg(to, points, colour, middle, reach, width) {
    to.fillStyle = colour;
    const perPixel = shown / peaks.seconds_per_point / width;
    const first = left / peaks.seconds_per_point;
    const played = ((now - left) / shown) * width;
    for (let x = 0; x < width; x += 1) {
      const from = Math.floor(first + x * perPixel);
      const until = Math.max(from + 1, Math.floor(first + (x + 1) * perPixel));
      let low = 0;
      let high = 0;
      for (let at = from; at < until && at < points.length; at += 1) {
        low = Math.min(low, points[at][0]);
        high = Math.max(high, points[at][1]);
      }
      // Speech on the telephone is far below full scale: the root shows what is quiet.
      const up = Math.sqrt(high) * reach;
      const down = Math.sqrt(-low) * reach;
      to.globalAlpha = x <= played ? 1 : 0.5;
      to.fillRect(x, middle - Math.max(up, 0.5), 1, Math.max(up, 0.5) + Math.max(down, 0.5));
    }
  }

  const clamp = (seconds) => Math.min(Math.max(seconds, 0), duration);
  node.addEventListener("pointerdown", (event) => {
    const seek = (moved) => {
      const box = node.getBoundingClientRect();
      onSeek(clamp(left + ((moved.clientX - box.left) / box.width) * shown));
    };
    seek(event);
    node.setPointerCapture(event.pointerId);
    node.onpointermove = seek;
    node.onpointerup = node.onpointercancel = () => {
      node.onpointermove = null;
    };
  });
  node.addEventListener("keydown", (event) => {
    const moves = {
      PageUp: now + 30, PageDown: now - 30, Home: 0, End: duration,
      ArrowUp: now + 5, ArrowDown: now - 5,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    onSeek(clamp(moves[event.key]));
  });
  new ResizeObserver(draw).observe(node);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  return {
    node,
    at(seconds) {
      now = seconds;
      if (shown < duration && (now < left || now > left + shown * 0.95)) left = Math.min(clamp(now - shown * 0.1), duration - shown);
      node.setAttribute("aria-valuenow", String(Math.round(now)));
      node.setAttribute("aria-valuetext", t("wave.value", { now: length(now), all: length(duration) }));
      draw();
    },
    zoom(factor) {
      shown = Math.min(duration, Math.max(Math.min(10, duration), shown / factor));
      left = Math.min(Math.max(0, now - shown / 2), duration - shown);
      draw();
    },
  };
}
