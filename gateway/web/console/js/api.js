/** The HTTP API: JSON both ways; what goes wrong is thrown as `Problem` (RFC 9457). */

const BASE = "/api/v1";
const context = { csrf: null, language: "da", role: null, onSignedOut: () => {}, chooseRole: null };

/**
 * Sets what goes with every request: `csrf`, `language`, `role` (acting as); `onSignedOut(problem)`, and
 * `chooseRole(problem)`, asked when several roles fit: resolves to one, or null.
 */
export const configure = (changes) => Object.assign(context, changes);

/** What the gateway refused or could not do. `errors` are [{key, why}] of the fields at fault. */
export class Problem extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body.title ?? String(status));
    this.status = status;
    this.kind = (body.type ?? "").split("/").pop();
    this.detail = body.detail ?? "";
    this.rule = body.rule ?? null;
    this.errors = body.errors ?? [];
    this.signIn = body.sign_in ?? ["token"];
    this.retryAfter = retryAfter;
  }
}

/** Somebody's capacity as headers: role, purpose, case, reason. */
function capacityHeaders(capacity = {}) {
  const named = {
    "Tast1-Role": capacity.role ?? context.role,
    "Tast1-Purpose": capacity.purpose,
    "Tast1-Case": capacity.case,
    "Tast1-Reason": capacity.reason,
  };
  const filled = Object.entries(named).filter(([, value]) => value);
  return Object.fromEntries(filled.map(([name, value]) => [name, encodeURIComponent(value)]));
}

function address(path, query = {}) {
  const url = new URL(BASE + path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  return url;
}

/** One key a press of a button: the same request twice is carried out once. */
function idempotencyKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

async function send(method, path, options = {}) {
  try {
    return await sendOnce(method, path, options);
  } catch (problem) {
    const unsure = problem instanceof Problem && problem.errors.some(({ key }) => key === "Tast1-Role");
    const role = unsure && context.chooseRole ? await context.chooseRole(problem) : null;
    if (!role) throw problem;
    return sendOnce(method, path, { ...options, capacity: { ...options.capacity, role } });
  }
}

async function sendOnce(method, path, { query, body, capacity, signal, accept } = {}) {
  const headers = { "Accept-Language": context.language, ...capacityHeaders(capacity) };
  if (accept) headers.Accept = accept;
  // Of a form the browser says the type itself, with what parts it.
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers["Content-Type"] = "application/json";
  if (method !== "GET") {
    if (context.csrf) headers["X-CSRF-Token"] = context.csrf;
    if (method === "POST") headers["Idempotency-Key"] = idempotencyKey();
  }
  let response;
  try {
    response = await fetch(address(path, query), {
      method, headers, signal, credentials: "same-origin", cache: "no-store",
      body: body === undefined || form ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { type: "/problems/offline" });
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  const problem = new Problem(response.status, told, response.headers.get("Retry-After"));
  if (response.status === 401 && path !== "/session") context.onSignedOut(problem);
  throw problem;
}

/** What an answer says, or null of an empty one. A body that breaks off is the same as no answer. */
async function json(response) {
  const text = await response.text().catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { type: "/problems/offline" });
  });
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(0, { type: "/problems/offline" });
  }
}

export const get = async (path, options) => json(await send("GET", path, options));
export const post = async (path, body = {}, options = {}) =>
  json(await send("POST", path, { ...options, body }));
/** Sends a form with a file in it; what is empty is left out. */
export async function upload(path, values) {
  const body = new FormData();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== "") body.append(name, value);
  }
  return json(await send("POST", path, { body }));
}
export const remove = async (path) => json(await send("DELETE", path));

/** All of a list, up to `most` rows; `next` is where more begins, or null. */
export async function list(path, { cursor, ...options } = {}) {
  const query = { limit: 50, ...options.query, cursor };
  return get(path, { ...options, query });
}

/** Saves a file that the gateway makes. */
export async function download(path, name, options) {
  const response = await send("GET", path, options);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Takes a text/event-stream apart: calls `onEvent(name, data)` for each event; returns when it is over. */
export async function stream(path, { capacity, signal, onEvent, onOpen }) {
  const response = await send("GET", path, { capacity, signal, accept: "text/event-stream" });
  onOpen?.();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) dispatch(block, onEvent);
  }
}

function dispatch(block, onEvent) {
  const lines = block.split("\n").filter((line) => line && !line.startsWith(":"));
  const field = (name) =>
    lines.filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).trimStart());
  const data = field("data").join("\n");
  if (data) onEvent(field("event")[0] ?? "message", JSON.parse(data));
  else if (field("event").length) onEvent(field("event")[0], null);
}

/** Keeps a stream up: reconnects with growing pauses. `onState` hears "open" and "lost". */
export async function follow(path, { signal, onEvent, onState }) {
  let wait = 1000;
  while (!signal.aborted) {
    try {
      await stream(path, {
        signal, onEvent,
        onOpen: () => {
          wait = 1000;
          onState("open");
        },
      });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
    }
    if (signal.aborted) return;
    onState("lost");
    await new Promise((go) => setTimeout(go, wait));
    wait = Math.min(wait * 2, 15_000);
  }
}
