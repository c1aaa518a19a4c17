/** What this browser remembers: settings for good, the last purpose for the session. Never content. */

const PREFIX = "tast1.";

function box(kind) {
  try {
    return window[kind];
  } catch {
    return null; // closed to a frame of another site
  }
}

/** A remembered value, or null. `kind` is "localStorage" or "sessionStorage". */
export function recall(name, kind = "localStorage") {
  try {
    return JSON.parse(box(kind)?.getItem(PREFIX + name) ?? "null");
  } catch {
    return box(kind)?.getItem(PREFIX + name) ?? null;
  }
}

/** Remembers a value; null forgets it. Plain strings are stored as they are. */
export function remember(name, value, kind = "localStorage") {
  try {
    if (value === null) box(kind)?.removeItem(PREFIX + name);
    else box(kind)?.setItem(PREFIX + name, typeof value === "string" ? value : JSON.stringify(value));
  } catch {
    // Full or closed: it is only a convenience.
  }
}
