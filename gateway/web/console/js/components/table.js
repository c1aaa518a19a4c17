/** Tables that become lists on narrow screens, and lists that go on page by page. */

import { list } from "../api.js";
import { append, fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { problemBox } from "./problems.js";
import { button, busy, skeleton } from "./ui.js";

/**
 * A table. Columns: {label, cell(row) -> node or text, end (to the right), fixed (no line breaks)}. `caption` names it for screen readers.
 */
export function table(caption, columns, rows) {
  // The roles are said again because cells that are laid out as blocks lose them.
  const body = h("tbody", { role: "rowgroup" });
  const node = h(
    "div.table-box",
    { role: "region", "aria-label": caption, tabindex: 0 },
    h(
      "table.folds",
      { role: "table" },
      h("caption.sr-only", caption),
      h("thead", { role: "rowgroup" },
        h("tr", { role: "row" }, columns.map((column) =>
          h("th", { scope: "col", role: "columnheader", class: column.end ? "end" : "" }, column.label)))),
      body,
    ),
  );
  node.add = (more) => append(body, more.map((row) => tableRow(columns, row)));
  node.add(rows);
  return node;
}

function tableRow(columns, row) {
  return h("tr", { role: "row" }, columns.map((column) => {
    const content = column.cell(row);
    const blank = content === null || content === undefined || content === "";
    return h("td", {
      role: "cell", "data-label": column.label, class: [column.end && "end", column.fixed && "fixed", blank && "blank"].filter(Boolean).join(" "),
    }, content);
  }));
}

/**
 * A list of the API as a table, more of it at the press of a button.
 *
 * `nothing` is shown when there is none. Its `reload(query)` begins anew.
 */
export function paged(path, { caption, columns, nothing, query = {}, capacity, signal }) {
  const box = h("div", { "aria-busy": "true" }, skeleton(6));
  let wanted = query;
  async function show() {
    box.setAttribute("aria-busy", "true");
    try {
      const found = await list(path, { query: wanted, capacity, signal });
      if (!found.items.length) {
        fill(box, nothing);
      } else {
        const rows = table(caption, columns, found.items);
        fill(box, rows);
        more(rows, found.next);
      }
    } catch (error) {
      if (error.name !== "AbortError") fill(box, h("div.skeleton", problemBox(error, show)));
    } finally {
      box.setAttribute("aria-busy", "false");
    }
  }
  function more(rows, cursor) {
    if (!cursor) return;
    const next = button(t("more"), { onclick: () => busy(next, go) });
    const place = h("div.more", next);
    async function go() {
      try {
        const found = await list(path, { query: wanted, capacity, signal, cursor });
        rows.add(found.items);
        place.remove();
        more(rows, found.next);
      } catch (error) {
        if (error.name !== "AbortError") fill(place, problemBox(error, () => { place.remove(); more(rows, cursor); }));
      }
    }
    box.append(place);
  }
  box.reload = (changed = wanted) => {
    wanted = changed;
    return show();
  };
  show();
  return box;
}
