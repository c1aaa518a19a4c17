/** An address that leads nowhere. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { empty, linkButton, pageHead } from "../components/ui.js";

export default function missing() {
  return h("div.page", pageHead(t("missing.title")),
    empty(t("missing.what"), t("missing.do"), { symbol: "search", action: linkButton(t("nav.tasks"), "/console/") }));
}
