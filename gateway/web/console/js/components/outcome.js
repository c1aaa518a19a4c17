/** What an act led to, in a line: what was erased; refusals of the rules are shown, never swallowed. */

import { t } from "../i18n.js";
import { toast } from "./ui.js";

/** A line for the corner of the window, of what the gateway answered. */
export function outcome(done) {
  const refused = done?.refusals ?? done?.refused ?? done?.done?.refusals ?? [];
  if (refused.length) toast(refused.join(" "), "alert");
  const erased = done?.erased ?? done?.done?.erased;
  return erased ? t("done.erased", { count: erased }) : t("done");
}
