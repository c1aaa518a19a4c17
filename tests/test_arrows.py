"""Who may import whom. The picture is in docs/architecture.md; this keeps it true."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Package: what it may import of ours. The longest name that fits a module counts.
ARROWS: dict[str, tuple[str, ...]] = {
    "gateway.app": ("gateway", "storage", "transcription", "ivr_prompts"),
    "gateway.archive": ("gateway.calls", "gateway.config", "storage", "transcription"),
    "gateway.membership": ("gateway.archive", "storage"),
    "gateway.parts": (
        "gateway.membership",
        *("gateway.archive", "gateway.calls", "gateway.workshop", "gateway.config", "gateway.edge"),
        *("gateway.worker.settings", "gateway.web.oidc", "gateway.web.webhooks"),
        *("storage.webhooks", "storage.uploads", "transcription", "ivr_prompts"),
    ),
    "gateway.reloading": (
        *("gateway.archive", "gateway.config", "gateway.workshop.fitting", "storage", "ivr_prompts"),
    ),
    "gateway.cli": ("gateway", "storage", "transcription", "ivr_prompts"),
    "gateway.workshop": ("gateway.workshop", "gateway.calls", "gateway.callflow", "storage", "ivr_prompts"),
    "gateway.rehearsal": ("gateway.rehearsal", "gateway.callflow", "storage"),
    "gateway.config": (
        "gateway.config",
        "gateway.callflow",
        "storage.policy",
        "transcription.models.catalogue",
        "ivr_prompts",
    ),
    "gateway.logs": (),
    "gateway.signals": ("gateway", "storage", "transcription.servers"),
    "gateway.traces": ("gateway.calls", "storage.outcomes"),
    "gateway.texts": ("gateway.texts",),
    "gateway.web": (
        *("gateway.web", "gateway.calls", "gateway.callflow", "gateway.texts", "gateway.workshop", "storage"),
        "ivr_prompts",
        *("transcription.exports", "transcription.segments", "transcription.turns"),
    ),
    "gateway.edge": ("gateway.edge", "gateway.calls", "storage"),
    "gateway.worker": ("gateway.worker", "gateway.calls.line", "gateway.callflow.messages", "ivr_prompts"),
    "gateway.calls": (
        "gateway.calls",
        "gateway.logs",
        "gateway.callflow",
        "transcription",
        "storage",
        "ivr_prompts",
    ),
    "gateway.callflow": ("gateway.callflow", "storage.model"),
    "storage": ("storage",),
    "transcription": ("transcription",),
    "ivr_prompts": ("ivr_prompts",),
}
# These decide: the standard library and each other only.
PURE = (
    *("gateway.callflow", "storage.policy", "storage.model", "gateway.edge.lexer", "gateway.edge.proxy"),
    *("transcription.protocol", "storage.outcomes"),
)
# One vendor, one place.
VENDORS = {
    "pjsua2": ("gateway.worker",),
    "aiohttp": (
        "gateway.web",
        "gateway.cli",
        "transcription.server",
        "transcription.client",
        "transcription.servers",
        "transcription.models.check",
    ),
    "prometheus_client": ("gateway.web",),
    "sqlalchemy": (
        "storage",
        "gateway.calls.records",
        "gateway.cli",
        "gateway.workshop",
        "gateway.web.api.ask",
        "gateway.web.api.people",
    ),
    "joserfc": ("gateway.web.oidc",),
    "alembic": ("storage",),
    "obstore": ("storage.bucket",),
    "soundfile": ("storage", "ivr_prompts.studio"),
    "phonenumbers": ("gateway.edge.numbers", "gateway.config.trunk_rules"),
    "cryptography": ("storage", "gateway.edge.certificates"),
    "pkcs11": ("storage.token_keys",),
    "opentelemetry": ("gateway.traces",),
    "pydantic": ("gateway.config", "gateway.web.api"),
    "typer": ("gateway.cli",),
    "rich": ("gateway.cli",),
    "uvloop": ("gateway.cli",),
    "vosk": ("transcription.recogniser",),
    "soxr": ("transcription.recogniser", "ivr_prompts"),
    "pyloudnorm": ("ivr_prompts",),
    "torch": ("transcription.models.training",),
}
OURS = ("gateway", "storage", "transcription", "ivr_prompts")


def modules() -> Iterator[tuple[str, Path]]:
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names if node.module in OURS)
    return found


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


MODULES = dict(modules())


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_arrows(module: str) -> None:
    owners = [package for package in ARROWS if inside(module, package)]
    if module == "gateway":
        return
    assert owners, f"{module} has no row in ARROWS"
    allowed = ARROWS[max(owners, key=len)]
    for name in imports(MODULES[module]):
        if name.split(".")[0] in OURS and name not in OURS:
            assert any(inside(name, package) or inside(package, name) for package in allowed), (
                f"{module} imports {name}"
            )


@pytest.mark.parametrize("module", MODULES)
def test_a_vendor_is_imported_in_one_place(module: str) -> None:
    for name in imports(MODULES[module]):
        homes = VENDORS.get(name.split(".")[0])
        if homes is not None:
            assert any(inside(module, home) for home in homes), f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in MODULES if any(inside(name, p) for p in PURE)])
def test_what_decides_uses_the_standard_library_only(module: str) -> None:
    import sys

    for name in imports(MODULES[module]):
        top = name.split(".")[0]
        pure_ours = top in OURS and any(inside(name, p) or inside(p, name) for p in (*PURE, "gateway.edge"))
        assert top in sys.stdlib_module_names or pure_ours, f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in MODULES if any(inside(name, p) for p in PURE)])
def test_what_decides_never_asks_for_the_time(module: str) -> None:
    source = MODULES[module].read_text(encoding="utf-8")
    for clock in ("datetime.now", "time.time", "time.monotonic", "date.today"):
        assert clock not in source
