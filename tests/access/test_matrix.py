"""Role by state by purpose: the rules' table, the decision function, the archive and the command agree."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.app import Archive
from gateway.cli import app, desk
from gateway.config import Settings
from storage import artifacts, books, cases, people
from storage.artifacts import Making
from storage.books import By
from storage.gate import Asking, Gate
from storage.model import ArtifactKind
from storage.people import Person, Role
from storage.policy import events as e
from storage.policy.access import Access, decide
from storage.policy.apply import apply
from storage.policy.book import Book
from storage.policy.settings import PolicySettings
from storage.tables import Artifact, Case
from tests.access.states import AT, CASES, PURPOSES, ROLES, STATES, State, at
from tests.storage.world import World, record_call

RECORDED = (
    e.CallArrived("c1"),
    e.ConsentGiven("c1"),
    e.RecordingStarted("c1"),
    e.Transcribed("c1"),
    e.CallEnded("c1"),
)
WHERE = {"country": "US", "ticket": "T-1", "transfer_tool": "SCC+TIA", "dpa": "D-1", "expires": at(9999)}
states = pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)


def case_of(role: str) -> str | None:
    return CASES.get(role, "CLAIM-7" if role == "CASEDOC" else None)


def test_the_table_speaks_of_every_role_and_leaves_most_of_the_matrix_dark() -> None:
    cells = len(STATES) * len(ROLES) * len(PURPOSES)
    light = sum(len(purposes) for state in STATES for purposes in state.may.values())
    assert {role for state in STATES for role, may in state.may.items() if may} == set(ROLES) - {
        "AGENT",
        "SYSADMIN",
    }
    assert len(STATES) > 30 and light < cells / 10


@states
def test_the_decision_function_says_what_the_rules_say(state: State) -> None:
    book = Book(PolicySettings())
    for number, event in enumerate(RECORDED):
        assert apply(book, event, AT + timedelta(seconds=number)) == ()
    for days, event in state.story:
        assert apply(book, event, at(days)) == (), (days, event)
    for role in ROLES:
        more = WHERE if role.startswith("PROCESSOR") else {"reason": "audit"} if role == "DPO" else {}
        found = {
            purpose
            for purpose in PURPOSES
            if decide(
                book, Access(role, state.artifact, purpose, case_of(role), **more), at(state.days)
            ).allowed  # type: ignore[arg-type]
        }
        assert found == state.may[role], role
        if found and role == "DPO" and state.artifact.endswith(("audio", "transcript")):
            bare = Access(role, state.artifact, min(found), None)
            assert not decide(book, bare, at(state.days)).allowed, "the DPO reads content with a reason only"
        if role in ("COMPLAINT", "INSPECTOR", "CASEDOC"):
            for case in (None, "") if role == "CASEDOC" else (None, "", "other"):
                bare = Access(role, state.artifact, None, case)
                assert not decide(book, bare, at(state.days)).allowed, "they name their case"


class Stage:
    """A real archive in which the story of a state happened."""

    def __init__(self, world: World, state: State) -> None:
        self.world, self.state = world, state
        self.call, self.recording = record_call(world, AT - timedelta(seconds=30), 0.1)
        self.do(e.Transcribed("c1"), AT + timedelta(hours=1))
        for days, event in state.story:
            self.do(event, at(days))
        world.db.write_sync(self._assign)
        self.artifact = self._find()

    def do(self, event: e.PolicyEvent, when) -> None:  # type: ignore[no-untyped-def]
        calls = getattr(event, "calls", None)
        if calls:
            event = type(event)(**{**vars(event), "calls": (self.call,)})
        elif getattr(event, "call", None):
            event = type(event)(**{**vars(event), "call": self.call})
        words = Making(keys=self.world.keys, words=b"{}")
        names = ("transcript", "summary")
        making = {f"{self.call}/{name}": words for name in names} | {
            "R-1/export": Making(keys=self.world.keys)
        }
        by = By({"id": "x", "role": "x"}, "x")
        done = self.world.db.write_sync(
            lambda s: books.happen(s, event, when, self.world.settings, by, making)
        )
        assert done.refusals == ()

    def _assign(self, session) -> None:  # type: ignore[no-untyped-def]
        people.add(session, "anna", "Anna", "LB", AT, {"id": "x"})
        session.flush()
        for case in CASES.values():
            if session.get(Case, case) is not None:
                cases.assign(session, case, "anna", AT, {"id": "x"})

    def _find(self) -> str | None:
        owner, _, part = self.state.artifact.partition("/")
        kinds = {"documentation": ArtifactKind.REQUEST_DOCUMENTATION, "export": ArtifactKind.EXPORT}
        if part in kinds or part == "record":
            kind = kinds.get(part, ArtifactKind.SAMPLE_RECORD)
            return self.world.db.read_sync(lambda s: artifacts.of_case(s, owner, kind))[0].id

        def find(session) -> str:  # type: ignore[no-untyped-def]
            rows = session.query(Artifact).filter_by(call_id=self.call, part=part).all()
            return str(rows[0].id)

        return self.world.db.read_sync(find)

    def person(self, role: str, user: str = "anna") -> Person:
        terms = {k: v for k, v in WHERE.items() if k != "expires"} if role.startswith("PROCESSOR") else {}
        return Person(user, (Role(role, at(9999), **terms),))  # type: ignore[arg-type]

    def asking(self, role: str, purpose: str, user: str = "anna") -> Asking:
        reason = "audit" if role == "DPO" else ""
        return Asking(self.person(role, user), role, purpose, case_of(role) or "", reason)


@states
def test_the_archive_says_the_same_and_asks_for_purpose_and_assignment_as_well(
    world: World, state: State
) -> None:
    stage = Stage(world, state)
    gate = Gate(world.db, world.store, world.keys, world.settings)
    when = at(state.days)
    assert stage.artifact is not None
    for role in ROLES:
        found = {
            purpose
            for purpose in PURPOSES
            if gate.may_read(stage.asking(role, purpose), stage.artifact, when).allowed
        }
        assert found == state.may[role], role
        for purpose in found:
            if role in CASES:
                stranger = stage.asking(role, purpose, "bo")
                assert not gate.may_read(stranger, stage.artifact, when).allowed, "not assigned to the case"
            if role != "DPO":
                assert not gate.may_read(stage.asking(role, ""), stage.artifact, when).allowed, "no purpose"
            unheld = Asking(
                stage.person("QA" if role != "QA" else "LEGAL"), role, purpose, case_of(role) or ""
            )
            assert not gate.may_read(unheld, stage.artifact, when).allowed, "a role that is not held"
            copies = gate.may_read(stage.asking(role, purpose), stage.artifact, when, "export").allowed
            assert copies == (not role.startswith("PROCESSOR"))


run = CliRunner()


@states
def test_the_command_line_says_the_same(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "flows: {customer: {connect: 'sip:a@127.0.0.1:5070'}}\n"
        f"storage: {{folder: {tmp_path}/data, memory_folder: {tmp_path}/memory}}\n"
        f"control: {{socket: {tmp_path}/c}}\n"
    )
    opened = Archive.open(Settings.load(config, {}))
    world = World(tmp_path, opened.database, opened.keys, opened.store, opened.settings.policy)
    stage = Stage(world, state)
    tokens = {}
    begun = at(state.days) - timedelta(days=1)
    for role in ROLES:
        user = f"u-{role.lower()}"

        def hire(session, user=user, role=role) -> str:  # type: ignore[no-untyped-def]
            people.add(session, user, "Somebody", "LB", begun, {"id": "x"})
            session.flush()
            people.grant(session, user, stage.person(role).roles[0], begun, {"id": "x"})
            if session.get(Case, CASES.get(role, "")) is not None:
                cases.assign(session, CASES[role], user, begun, {"id": "x"})
            return people.new_token(session, user, begun, {"id": "x"})

        tokens[role] = opened.database.write_sync(hire)
    opened.close()
    monkeypatch.setattr(desk, "now", lambda: at(state.days))
    for role in ROLES:
        may = sorted(state.may[role])
        dark = [purpose for purpose in PURPOSES if purpose not in may]
        # Every light cell, and a dark one of each role: the whole matrix is gone through above.
        for purpose in [*may, dark[len(state.name) % len(dark)]]:
            arguments = [
                "recordings",
                "may",
                str(stage.artifact),
                "--purpose",
                purpose,
                "--config",
                str(config),
            ]
            if case := case_of(role):
                arguments += ["--case", case]
            if role == "DPO":
                arguments += ["--reason", "audit"]
            result = run.invoke(app, arguments, env={"TAST1_TOKEN": tokens[role], "TAST1_LANG": "en"})
            assert result.exit_code == (0 if purpose in may else 3), (role, purpose, result.output)
