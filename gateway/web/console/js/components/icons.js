/** Icons drawn for the console: strokes on a grid of 24, in the colour of the text around them. */

import { s } from "../dom.js";

const PATHS = {
  live: "M5 4h4l1.5 5-2.3 1.6a12 12 0 0 0 5.2 5.2L15 13.5l5 1.5v4a2 2 0 0 1-2 2A15 15 0 0 1 3 6a2 2 0 0 1 2-2ZM15 3a6 6 0 0 1 6 6M15 7a2 2 0 0 1 2 2",
  calls: "M4 6h16M4 12h16M4 18h10",
  tasks: "M9 6h11M9 12h11M9 18h11M3.5 6l1 1 2-2M3.5 12l1 1 2-2M3.5 18l1 1 2-2",
  requests: "M6 3h9l4 4v14H6zM14 3v5h5M9 13h7M9 17h5",
  complaints: "M4 5h16v11H9l-5 4zM12 8v3.5M12 13.6v.1",
  investigations: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13ZM15.5 15.5 21 21",
  samples: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM14 16.5l2 2 4-4",
  orders: "M12 3v18M5 21h14M5 7h14M5 7l-3 7h6zM19 7l-3 7h6z",
  retention: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16ZM12 8v4l3 2",
  users: "M9 5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7ZM2.5 20a6.5 6.5 0 0 1 13 0M16 5.5a3 3 0 0 1 0 6M18 15a6 6 0 0 1 3.5 5",
  audit: "M9 7l-3 3a4 4 0 0 0 5.6 5.6L13 14M15 17l3-3a4 4 0 0 0-5.6-5.6L11 10",
  prompts: "M4 10v4h4l5 4V6L8 10zM16.5 9a4 4 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11",
  settings: "M4 7h10M18 7h2M16 5v4M4 17h2M10 17h10M8 15v4M4 12h16",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8ZM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z",
  help: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18ZM9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1 1-1.1 1.8M12 16.4v.1",
  play: "M8 5l11 7-11 7z",
  pause: "M9 5v14M15 5v14",
  stop: "M6 6h12v12H6z",
  offer: "M12 4a8 8 0 1 1-7.4 5M4 4v5h5",
  dot: "M12 6a6 6 0 1 1 0 12 6 6 0 0 1 0-12Z",
  ring: "M12 5a7 7 0 1 1 0 14 7 7 0 0 1 0-14ZM7 7l10 10",
  back5: "M11 6 5 12l6 6M19 6l-6 6 6 6",
  forward5: "M13 6l6 6-6 6M5 6l6 6-6 6",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  check: "M5 12.5l4.5 4.5L19 7.5",
  alert: "M12 4 2.5 20h19zM12 10v4.5M12 17.2v.1",
  info: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18ZM12 11v6M12 7.4v.1",
  search: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13ZM15.5 15.5 21 21",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  seal: "M12 3l2.6 2 3.2.2.6 3.2 2 2.6-2 2.6-.6 3.2-3.2.2L12 19l-2.6-2-3.2-.2-.6-3.2-2-2.6 2-2.6.6-3.2 3.2-.2zM9 11l2.2 2.2L15 9.4",
  file: "M6 3h9l4 4v14H6zM14 3v5h5",
  refresh: "M20 12a8 8 0 1 1-2.3-5.6M20 4v5h-5",
};

const FILLED = new Set(["play", "stop", "dot"]);

/** An icon; it is decoration, the words beside it or the button's label say what it means. */
export function icon(name, size = 20) {
  return s(
    "svg",
    {
      viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", focusable: "false",
      fill: FILLED.has(name) ? "currentColor" : "none", stroke: "currentColor", "stroke-width": 1.8,
      "stroke-linecap": "round", "stroke-linejoin": "round",
    },
    s("path", { d: PATHS[name] ?? PATHS.info }),
  );
}
