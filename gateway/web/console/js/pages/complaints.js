/** Complaints about what was said in a call. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import { claimsList } from "../components/claims.js";
import { ask } from "../components/dialog.js";
import { outcome } from "../components/outcome.js";
import { button, pageHead } from "../components/ui.js";

export default function complaints({ query, signal }) {
  const call = query.get("call");
  if (call) queueMicrotask(() => receive(call));
  const make = button(t("complaints.new"), { look: "primary", symbol: "plus", onclick: () => receive() });
  return h("div.page", pageHead(t("complaints.title"), { lead: t("complaints.lead"), actions: make }), claimsList("complaints", signal));
}

async function receive(call = "") {
  const made = await ask({
    title: t("complaints.new"), intro: t("complaints.new.intro"), submit: t("complaints.new.do"),
    rows: [
      { name: "calls", label: t("column.calls"), type: "ids", required: true, hint: t("calls.ids.hint"), value: call },
      { name: "id", label: t("claims.id"), hint: t("claims.id.hint") },
      { name: "note", label: t("complaints.note"), type: "textarea", hint: t("notes.sealed") },
    ],
    run: ({ id, ...values }) => post("/complaints", { ...values, id: id || null }),
    done: outcome,
  });
  if (made) go(`/complaints/${encodeURIComponent(made.case)}`);
}
