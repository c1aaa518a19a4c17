/** The player of a recording: speed, silence left out, keys; tells who listens where it is. */

import { post, remove } from "../api.js";
import { announce, h, typing, uid } from "../dom.js";
import { length } from "../format.js";
import { t } from "../i18n.js";
import { recall } from "../store.js";
import { icon } from "./icons.js";
import { problemBox } from "./problems.js";
import { button } from "./ui.js";
import { normalised, silences, waveform } from "./waveform.js";

const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2];

/**
 * A player: {node, seek(seconds), onTime(listener)}.
 *
 * `listen` is what POST /recordings/{id}/listen gave: {url, expires_at}; when the address has expired, one
 * more is asked for in the same capacity, which is logged again.
 */
export function player(id, { peaks, listen, capacity, duration, signal }) {
  const shape = normalised(peaks);
  const quiet = silences(shape);
  const listeners = [];
  const audio = h("audio", { preload: "auto", src: listen.url });
  audio.preservesPitch = true;
  const place = h("div");
  const clock = h("span.clock", length(0), " / ", length(duration));
  const play = button(t("player.play"), { look: "primary icon play-button", symbol: "play", onclick: () => toggle() });
  const speed = h("select", { id: uid("speed"), onchange: () => setSpeed(Number(speed.value)) },
    SPEEDS.map((value) => h("option", { value, selected: value === 1 }, `${String(value).replace(".", t("decimal"))}×`)));
  const skip = h("input", { type: "checkbox", id: uid("skip") });
  const wave = waveform(shape, duration, { onSeek: seek });

  function toggle() {
    if (audio.paused) audio.play().catch(failed);
    else audio.pause();
  }
  function seek(seconds) {
    audio.currentTime = Math.min(Math.max(seconds, 0), Math.max(duration - 0.05, 0));
    moved();
  }
  function setSpeed(value) {
    audio.playbackRate = value;
    speed.value = String(value);
  }
  function stepSpeed(by) {
    const at = SPEEDS.indexOf(audio.playbackRate) + by;
    if (at < 0 || at >= SPEEDS.length) return;
    setSpeed(SPEEDS[at]);
    announce(t("player.speed.now", { speed: SPEEDS[at] }));
  }
  function moved() {
    const now = audio.currentTime;
    const span = skip.checked && !audio.paused ? quiet.find(([from, to]) => now > from + 0.25 && now < to - 0.35) : null;
    if (span) audio.currentTime = span[1] - 0.25;
    wave.at(now);
    clock.firstChild.textContent = length(now);
    listeners.forEach((listener) => listener(now));
  }
  function drawPlay() {
    const label = t(audio.paused ? "player.play" : "player.pause");
    play.replaceChildren(icon(audio.paused ? "play" : "pause", 24));
    play.setAttribute("aria-label", label);
    play.title = label;
  }
  let renewed = 0;
  async function failed() {
    if (signal.aborted || Date.now() - renewed < 5000) {
      if (!signal.aborted && !place.hasChildNodes()) place.append(problemBox(audio.error ?? new Error("audio")));
      return;
    }
    if (Date.parse(listen.expires_at) > Date.now()) return;
    renewed = Date.now();
    const now = audio.currentTime;
    try {
      listen = await post(`/recordings/${id}/listen`, {}, { capacity });
      audio.src = listen.url;
      audio.currentTime = now;
      await audio.play();
    } catch (error) {
      place.replaceChildren(problemBox(error));
    }
  }
  let frame = 0;
  const run = () => {
    moved();
    frame = audio.paused ? 0 : requestAnimationFrame(run);
  };
  audio.addEventListener("play", () => { drawPlay(); frame ||= requestAnimationFrame(run); });
  for (const name of ["pause", "ended"]) audio.addEventListener(name, drawPlay);
  for (const name of ["seeked", "loadedmetadata"]) audio.addEventListener(name, moved);
  audio.addEventListener("error", failed);
  signal.addEventListener("abort", () => {
    remove(`/listen/${listen.url.split("/").pop()}`).catch(() => {});
    audio.pause();
    audio.removeAttribute("src");
    audio.load();
  });

  document.addEventListener("keydown", (event) => {
    if (typing(event) || recall("shortcuts") === "off") return;
    const onControl = event.target instanceof Element && event.target.closest("button, a, summary, [role=radio]");
    const keys = {
      " ": () => toggle(), ArrowLeft: () => seek(audio.currentTime - 5), ArrowRight: () => seek(audio.currentTime + 5),
      ",": () => stepSpeed(-1), ".": () => stepSpeed(1),
    };
    if (!keys[event.key] || (event.key === " " && onControl)) return;
    event.preventDefault();
    keys[event.key]();
  }, { signal });

  drawPlay();
  setSpeed(1);
  const node = h(
    "div.player", wave.node,
    h("div.player-bar",
      play,
      button(t("player.back"), { look: "quiet icon", symbol: "back5", onclick: () => seek(audio.currentTime - 5) }),
      button(t("player.forward"), { look: "quiet icon", symbol: "forward5", onclick: () => seek(audio.currentTime + 5) }),
      clock,
      h("div.field", h("label", { for: speed.id }, t("player.speed")), speed),
      h("div.check", skip, h("label", { for: skip.id }, t("player.skip"))),
      h("span.grow"),
      button(t("wave.out"), { look: "quiet icon", symbol: "minus", onclick: () => wave.zoom(0.5) }),
      button(t("wave.in"), { look: "quiet icon", symbol: "plus", onclick: () => wave.zoom(2) })),
    place, audio,
  );
  requestAnimationFrame(() => play.focus());
  return { node, seek, play: toggle, onTime: (listener) => listeners.push(listener) };
}
