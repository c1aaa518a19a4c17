/** One complaint: what is frozen or kept for it, decided with a reason, closed with a date. */

import { get } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { holds } from "../session.js";
import { claimView, partsRow, reasons, withParts } from "../components/claims.js";
import { confirm } from "../components/dialog.js";
import { loading } from "../components/problems.js";
import { pageHead } from "../components/ui.js";

export default function complaint({ params, signal }) {
  const view = loading(() => get(`/complaints/${encodeURIComponent(params.id)}`, { signal }),
    (found) => claimView("complaints", found, { reload: () => view.reload(), actions }));
  return h("div.page", pageHead(t("complaint.title", { case: params.id }), {
    back: { href: "/console/complaints", label: t("nav.complaints") },
  }), view);
}

function actions(act, found) {
  if (found.closed_at) return [];
  const reason = { name: "reason", label: t("column.reason"), type: "textarea", required: true, hint: t("notes.sealed") };
  return [
    holds("COMPLAINT") && act("decide", { key: "keep", path: "decide", symbol: "lock", look: "primary", intro: t("complaints.keep.intro"),
      rows: [partsRow(), ...reasons()], body: (values) => ({ keep: true, ...withParts(values) }) }),
    holds("COMPLAINT") && act("decide", { key: "drop", path: "decide", symbol: "close", look: "danger", make: confirm, warning: t("complaints.drop.warning"),
      rows: reasons(false), body: (values) => ({ keep: false, ...values }) }),
    holds("COMPLAINT") && act("extend", { symbol: "retention", rows: [reason] }),
    holds("COMPLAINT", "LEGAL") && act("close", { symbol: "check", make: confirm, warning: t("complaints.close.warning"), rows: [{ ...reason, required: false }] }),
  ];
}
