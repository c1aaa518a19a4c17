/** Begins: texts, who is signed in, then the sign-in page, the panel or the whole console. */

import { configure, Problem } from "./api.js";
import { fill } from "./dom.js";
import { lang, t, useLanguage } from "./i18n.js";
import * as router from "./router.js";
import { routes } from "./routes.js";
import * as session from "./session.js";
import { problemBox } from "./components/problems.js";
import { chooseRole } from "./components/roles.js";
import { shell } from "./components/shell.js";
import { signInPage } from "./pages/sign-in.js";
import { panelPage } from "./pages/panel.js";

const app = document.getElementById("app");
const isPanel = () => router.here() === "/panel";

async function begin() {
  try {
    await session.resume();
    enter();
  } catch (error) {
    if (error instanceof Problem && error.status === 401) signedOut(error);
    else fill(app, problemBox(error, begin));
  }
}

function signedOut(problem) {
  session.forget();
  router.stop();
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  fill(app, signInPage({ ways: problem?.signIn ?? ["token"], onSignedIn: enter, expired: problem?.kind === "signed-out" }));
  document.title = `${t("sign_in.title")} · Tast1`;
  app.querySelector("input, a.button")?.focus();
}

function enter() {
  router.stop();
  if (isPanel()) {
    fill(app, panelPage({ query: new URLSearchParams(location.search) }));
    document.title = `${t("panel.title")} · Tast1`;
    return;
  }
  const view = shell({
    onLanguage: async (code) => {
      await useLanguage(code);
      await session.loadCodes();
      enter();
    },
    onRole: () => router.again(),
    onSignOut: async () => {
      const leadsTo = await session.signOut();
      if (leadsTo) location.assign(leadsTo);
      else await begin();
    },
  });
  fill(app, view.node);
  router.start(routes, view.main, view.moved);
}

configure({ onSignedOut: signedOut, chooseRole });
await useLanguage(lang());
await begin();
