/** Who is signed in, in which roles, and in which of them they act now. */

import { configure, get, post, Problem, remove } from "./api.js";
import { lang, useCodes } from "./i18n.js";
import { recall, remember } from "./store.js";

let current = null;

/** Who is signed in: {person, roles, csrf, expires_at}; null when nobody is. */
export const session = () => current;

/** Whether one of these roles is held ("*": whoever is signed in). Shown or not: the gateway decides. */
export const holds = (...names) =>
  Boolean(current && (names.includes("*") || current.roles.some(({ name }) => names.includes(name))));

/** The role that somebody chose to act in; null: whichever fits. */
export const acting = () => recall("acting", "sessionStorage");

/** Chooses the role to act in, null for whichever fits. */
export function actAs(role) {
  remember("acting", role, "sessionStorage");
  configure({ role });
}

/** Asks the gateway who is signed in; a `Problem` of status 401 when nobody is. */
export async function resume() {
  configure({ language: lang() });
  current = await get("/session");
  await begin();
}

/** Signs in with a token. */
export async function signIn(token) {
  configure({ language: lang(), csrf: null });
  await post("/session", { token });
  await resume();
}

/** Signs out; whatever the gateway says, this page forgets. Resolves to where the provider's session ends, or null. */
export async function signOut() {
  let leadsTo = null;
  try {
    leadsTo = (await remove("/session"))?.leads_to ?? null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
  forget();
  return leadsTo;
}

/** Forgets who was signed in. */
export function forget() {
  current = null;
  configure({ csrf: null, role: null });
  remember("acting", null, "sessionStorage");
  remember("purpose", null, "sessionStorage");
}

async function begin() {
  const chosen = acting();
  if (chosen && !holds(chosen)) remember("acting", null, "sessionStorage");
  configure({ csrf: current.csrf, role: acting() });
  await loadCodes();
}

/** Loads the gateway's names of codes in the language in use. */
export async function loadCodes() {
  configure({ language: lang() });
  useCodes(await get(`/texts/${lang()}`));
}
