/** Signing in: with a token, or with the company's sign-in where there is one. */

import { Problem } from "../api.js";
import { fill, h } from "../dom.js";
import { t, useLanguage } from "../i18n.js";
import { signIn } from "../session.js";
import { fields } from "../components/form.js";
import { problemBox, told } from "../components/problems.js";
import { brand, languageButton, themeButton } from "../components/shell.js";
import { busy, button, card, linkButton, message } from "../components/ui.js";

/** The page. `ways`: of "token", "oidc"; `onSignedIn()` when it went well. */
export function signInPage({ ways, onSignedIn, expired = false }) {
  const form = fields([
    {
      name: "token", label: t("sign_in.token"), type: "password", required: true, hint: t("sign_in.token.hint"),
      attributes: { autocomplete: "off", spellcheck: "false" },
    },
  ]);
  const place = h("div");
  const submit = button(t("sign_in.do"), { look: "primary", type: "submit", symbol: "next" });
  const withToken = h(
    "form.form",
    {
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        if (form.check()) busy(submit, attempt);
      },
    },
    form.nodes, place, submit,
  );
  async function attempt() {
    fill(place);
    try {
      await signIn(form.values().token);
      onSignedIn();
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        const { title, detail } = told(error);
        fill(place, message(title, { tone: "bad", detail }));
      } else {
        fill(place, problemBox(error));
      }
      form.control("token").select();
    }
  }
  const oidc = ways.includes("oidc")
    ? linkButton(t("sign_in.oidc"), "/api/v1/sign-in/oidc", { look: ways.includes("token") ? "" : "primary", target: "_self" })
    : null;
  const again = async (code) => {
    await useLanguage(code);
    fill(document.getElementById("app"), signInPage({ ways, onSignedIn }));
  };
  return h(
    "main.centre", { id: "main" },
    h("div.sign-in",
      h("div.row", { class: "sign-in-head" }, brand()),
      card(null, [
        h("h1", { tabindex: -1 }, t("sign_in.title")),
        h("p.muted", t("sign_in.lead")),
        expired && message(t("sign_in.expired"), { tone: "info" }),
        oidc, ways.includes("token") || !oidc ? withToken : null,
      ]),
      h("div.row", languageButton(again), themeButton())),
  );
}
