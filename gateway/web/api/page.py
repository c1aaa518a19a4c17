"""`python -m gateway.web.api.page`: writes the table of routes into docs/api.md."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gateway.web.api.app import ROUTES
from gateway.web.api.route import Route

BEGINS, ENDS = "<!-- routes -->\n", "<!-- /routes -->"


def routes_table(routes: Iterable[Route] = ROUTES) -> str:
    """The routes as Markdown, one table for each tag."""
    by_tag: dict[str, list[Route]] = {}
    for route in routes:
        by_tag.setdefault(route.tag, []).append(route)
    parts = []
    for tag, those in by_tag.items():
        rows = [
            f"| `{each.method} {each.path}` | {_who(each)} | {' '.join(each.summary.split())} |"
            for each in those
        ]
        parts.append("\n".join([f"### {tag}\n", "| Route | Who | What |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def put(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    return f"{before}{BEGINS}\n{routes_table()}\n{ENDS}{after}"


def _who(route: Route) -> str:
    if route.rule.public:
        return "everybody"
    if route.rule.roles is not None:
        return ", ".join(route.rule.roles)
    return route.rule.name


if __name__ == "__main__":
    place = Path("docs/api.md")
    place.write_text(put(place.read_text(encoding="utf-8")), encoding="utf-8")
