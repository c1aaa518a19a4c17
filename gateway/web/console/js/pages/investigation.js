/** One investigation: what was forwarded or recorded for it, triaged, decided, kept longer by two people. */

import { get } from "../api.js";
import { h } from "../dom.js";
import { plusDays, today } from "../format.js";
import { t } from "../i18n.js";
import { holds } from "../session.js";
import { claimView, partsRow, reasons, withParts } from "../components/claims.js";
import { confirm } from "../components/dialog.js";
import { loading } from "../components/problems.js";
import { pageHead } from "../components/ui.js";

export default function investigation({ params, signal }) {
  const view = loading(() => get(`/investigations/${encodeURIComponent(params.id)}`, { signal }),
    (found) => claimView("investigations", found, { reload: () => view.reload(), actions }));
  return h("div.page", pageHead(t("investigation.title", { case: params.id }), {
    back: { href: "/console/investigations", label: t("nav.investigations") },
  }), view);
}

function actions(act, found) {
  if (found.closed_at || !holds("INSPECTOR")) return [];
  return [
    act("decide", { key: "relevant", path: "decide", symbol: "lock", look: "primary", intro: t("investigations.relevant.intro"),
      rows: reasons(), body: (values) => ({ relevant: true, ...values }) }),
    act("decide", { key: "nothing", path: "decide", symbol: "close", look: "danger", make: confirm,
      warning: t("investigations.nothing.warning"), rows: reasons(false), body: (values) => ({ relevant: false, ...values }) }),
    act("propose", {
      symbol: "retention", intro: t("investigations.propose.intro"),
      rows: [
        { name: "until", label: t("column.until"), type: "date", required: true, attributes: { min: plusDays(today(), 1) } },
        partsRow(), ...reasons(),
      ],
      body: withParts,
    }),
  ];
}
