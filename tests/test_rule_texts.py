"""Every sentence that rules and storage say has a Danish one, and none is left that nobody says."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from gateway.rehearsal.reading import read
from gateway.rehearsal.run import rehearse
from gateway.texts import faults
from gateway.texts.rules import SENTENCES, _templates, said
from storage.artifacts import NotReadable
from storage.model import GroundName
from storage.policy import grounds as g
from tests.test_texts import placeholders

ROOT = Path(__file__).parents[1]
AT = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
DAY = date(2026, 4, 1)

# Of these every string of more than one word is a sentence for people, or part of one ...
SPEAKING = ("access", "answers", "apply", "book", "changes", "claims", "grounds", "recordings", "requests")
SPEAKING_FILES = tuple(f"storage/policy/{name}.py" for name in (*SPEAKING, "restate", "reuse"))
# ... but for these: laws, countries, notes for the log, and what `test_why_...` puts together.
NO_SENTENCES = re.compile(
    r"AT BE .*|dbl\. § .*|§4 prio 0|.* request received|kept after review|relevant to the case"
    r"|an artifact without grounds has no date"
)
COMPOSED = {"storage/policy/grounds.py": ("why", "_kept")}

# Elsewhere the sentences are what is raised, answered or called `why`.
RAISED = {
    *("Refused", "NotReadable", "NotAllowed", "_Denied", "Verdict", "SignInFailed", "AlreadyRunning"),
    *("KeepsVersions", "NameTaken", "StillAlive"),
    *("CannotListen", "EdgeError", "Problem", "refuse"),  # the latter of storage.gate
    *(
        "Away",
        "DatabaseError",
        "KeysError",
        "SealsOnly",
        "MediaError",
        "NothingRecorded",
        "PhoneError",
        "ModelError",
        "CheckError",
    ),
}
ANSWERING = re.compile(r"_?why.*|_fault")
NAMED = {"why", "because", "missing"}
# English only, and documented so (docs/commands.md): mistakes in settings and scenario files. The others log.
SILENT = ("gateway/config/", "gateway/rehearsal/reading.py", "storage/audit_chain.py", "storage/leftovers.py")

# What stands in a hole, where one word will not do.
ANY = "S-2026-88"
HOLES = {
    **dict.fromkeys(("event.until", "ceiling", "until", "file.due", "last['until']"), "2026-04-01"),
    **dict.fromkeys(("last.rule", "last['rule']", "g.rule", "'R-22' if during_call else 'R-20'"), "R-10"),
    **dict.fromkeys(("g.ground.value", "last.ground.value", "last['ground']"), "G-CONSENT"),
    **dict.fromkeys(("backup.max_lag_days", "_OLDEST.days", "len(population)", "proposal_id"), "14"),
    **dict.fromkeys(("version", "KEY_BYTES", "load_s", "answer_s", "done.returncode"), "14"),
    **dict.fromkeys(("source.timeout_s", "status", "count"), "14"),
    **dict.fromkeys(("len(secret)", "stat.S_IMODE(mode)"), "0640"),
    "AGENT": "agent:",
    "because": "it is erased",
    "not_kept": "it is erased",
    "', '.join(missing)": "the country, the end",
    "', '.join(roles) or 'nobody'": "LEGAL, DPO",
    "what": "case",
    "doing": "sealing a file",
    **dict.fromkeys(("path", "own.path", "source.module"), "/var/lib/tast1/key"),
    "type(error).__name__": "PinIncorrect",
    "where": "127.0.0.1:8080",
    "setting": "web.listen",
    "folder": "/var/lib/tast1 data",
    "os.strerror(error.errno or 0)": "Permission denied",
    "_constraint(error)": "UNIQUE constraint failed: calls.id",
    "names": "ready, dialled",
}
JOINED = re.compile(r"'(, | or )'\.join\(.*\)|keys|tools")
ENGLISH = re.compile(r"\b(the|is|was|of|and|not|has|it|its|needs|already|nothing|nobody|there|gone)\b")


# Words that are part of a Danish template: kinds of cases (see `KINDS`), what went wrong with a file.
NOT_TOLD = {"case", "sealing a file"}


def strings(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The strings below a node, without docstrings and without what stands in the holes of another."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
        return
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            yield from strings(child)


def speaking(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a file that make sentences for people."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            name = each.func.id if isinstance(each.func, ast.Name) else getattr(each.func, "attr", "")
            if name in RAISED:
                yield from each.args
            elif name == "explain" and len(each.args) == 2:  # of storage.sealed
                yield ast.JoinedStr([each.args[1], ast.Constant(": the file is not there")])
        elif isinstance(each, ast.Assign):
            if any(isinstance(target, ast.Name) and target.id in NAMED for target in each.targets):
                yield each.value
        elif isinstance(each, ast.FunctionDef) and ANSWERING.fullmatch(each.name):
            yield from (one.value for one in ast.walk(each) if isinstance(one, ast.Return) and one.value)


def files() -> Iterator[tuple[str, ast.Module]]:
    folders = ("storage", "gateway", "transcription")
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def filled(node: ast.Constant | ast.JoinedStr) -> tuple[str, tuple[str, ...]]:
    """The sentence with something in each hole, and what that is."""
    if isinstance(node, ast.Constant):
        return str(node.value), ()
    words, values = "", []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            hole = ast.unparse(part.value)
            values.append(HOLES.get(hole) or ("one or two" if JOINED.fullmatch(hole) else ANY))
            words += values[-1]
        elif isinstance(part, ast.Constant):
            words += str(part.value)
    return words, tuple(values)


def sentences() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Where, the sentence, and the values in it."""
    for file, tree in files():
        if file.startswith(SILENT):
            continue
        for name in COMPOSED.get(file, ()):
            tree.body = [each for each in tree.body if getattr(each, "name", "") != name]
        roots = [tree] if file in SPEAKING_FILES else list(speaking(tree))
        found = {id(node): node for root in roots for node in strings(root)}
        for node in found.values():
            sentence, values = filled(node)
            literal = sentence
            for value in values:
                literal = literal.replace(value, "", 1)
            if re.search(r"\w", literal) and " " in literal.strip() and not NO_SENTENCES.fullmatch(sentence):
                yield f"{file}:{getattr(node, 'lineno', 0)}", sentence, values


FOUND = list(sentences())
# What one hole stands for, said in full.
KINDS = [f"there is no {kind} {ANY}" for kind in ("complaint", "investigation", "sample", "rights request")]
KINDS += [f"there is no authority order {ANY}", f"that is for nobody, not for {ANY} (R-50)"]


def stands_in(danish: str, value: str) -> bool:
    """Whether a value is in a sentence: as it is, or in Danish."""
    joined = value.replace(" or ", " eller ")
    parts = (said(part, "da") for part in value.split(", "))
    return value in NOT_TOLD or value in danish or joined in danish or all(part in danish for part in parts)


def test_the_sentences_are_found() -> None:
    assert len(FOUND) > 200


@pytest.mark.parametrize(("place", "sentence", "values"), FOUND, ids=[place for place, _, _ in FOUND])
def test_every_sentence_has_a_danish_one_with_its_values(
    place: str, sentence: str, values: tuple[str, ...]
) -> None:
    danish = said(sentence, "da")
    assert danish != sentence, f"{place}: put it into gateway/texts: {sentence}"
    for value in values:
        assert stands_in(danish, value), f"{place}: {danish}"
    bare = danish
    for value in values:
        bare = bare.replace(value, "")
    assert not ENGLISH.search(bare), f"{place}: {danish}"


def test_a_refusal_to_read_names_its_rule_once_and_in_danish_too() -> None:
    assert said(str(NotReadable("it is erased", "R-60")), "da") == "det er slettet (R-60)"
    purpose = "No active ground has that purpose (R-03, R-50)."
    assert str(NotReadable(purpose, "R-03")) == purpose
    assert said(str(NotReadable(purpose, "R-60")), "da") == f"{said(purpose, 'da')} (R-60)"
    assert said("nobody knows this (R-60)", "da") == "nobody knows this (R-60)"


@pytest.mark.parametrize("sentence", KINDS)
def test_what_a_word_stands_for_is_said_in_full(sentence: str) -> None:
    danish = said(sentence, "da")
    assert danish != sentence and ANY in danish and not ENGLISH.search(danish)


@pytest.mark.parametrize("english", SENTENCES)
def test_both_languages_have_the_same_holes(english: str) -> None:
    assert placeholders(SENTENCES[english]) == placeholders(english)


def composed() -> Iterator[str]:
    """Everything that `why` can say, for each kind of ground."""
    after = AT + timedelta(days=90)
    yield g.why((), AT)
    for name in GroundName:
        dated, opened = g.ground(name, AT, DAY), g.ground(name, AT)
        for held, case, closed in itertools.product((dated, opened), (None, ANY), (False, True)):
            yield g.why((replace(held, case=case, roles=() if closed else held.roles),), AT)
        yield g.why((dated, opened), AT)
        yield g.why((dated,), after)
        yield g.why((replace(dated, until=None),), after)
        for by in ("", "it is erased"):
            yield g.why((replace(dated, ended_at=AT, ended_by=by),), after)


@pytest.mark.parametrize("sentence", sorted(set(composed())))
def test_why_something_is_kept_or_gone_is_told_in_danish(sentence: str) -> None:
    danish = said(sentence, "da")
    assert danish != sentence
    assert not ENGLISH.search(danish), danish
    for value in re.findall(r"\d{4}-\d\d-\d\d|[RG]-[A-Z0-9-]+|" + ANY, sentence):
        assert value in danish


def test_no_sentence_is_left_that_nobody_says() -> None:
    heard = {sentence for _, sentence, _ in FOUND} | set(KINDS) | set(composed())
    explained = [each for each in heard if each.endswith(": the file is not there")]
    heard |= {f"{each.split(':')[0]}: {why}" for each in explained for why in (*faults.WHY, "I/O error")}
    pieces = {re.sub(r"^It is (kept because|gone since \S+:) |\.$", "", each) for each in heard}
    unheard = [
        template.danish
        for template in _templates()
        if not any(template.pattern.fullmatch(each) for each in heard | pieces)
    ]
    assert unheard == []


def told(answers: tuple[dict[str, object], ...]) -> Iterator[str]:
    for answer in answers:
        if isinstance(why := answer.get("why"), str):
            yield why
        refused = answer.get("refused")
        for each in refused if isinstance(refused, list) else ():
            yield each["why"]


def test_every_answer_of_every_scenario_is_told_in_danish() -> None:
    heard = set()
    for file in sorted((ROOT / "tests" / "scenarios").glob("*.yaml")):
        heard |= set(told(rehearse(read(file.read_text(encoding="utf-8"))).answers))
    assert len(heard) > 100
    assert [
        each for each in sorted(heard) if said(each, "da") == each or ENGLISH.search(said(each, "da"))
    ] == []


def test_english_and_what_is_not_known_stay_as_they_are() -> None:
    assert said("it is erased", "en") == "it is erased"
    assert said("the moon {is} made of cheese", "da") == "the moon {is} made of cheese"


def test_several_refusals_are_told_one_by_one() -> None:
    both = f"{ANY}: it is with this case already; c2: no such thing; c3: it is only read (R-40)"
    assert said(both, "da").startswith(f"{ANY}: det er allerede med i denne sag; c2: no such thing")
    held = "a deletion order stands; no new ground comes because of it (R-21)"
    assert said(f"c1: {held}; c2: {held}", "da") == "; ".join(f"c{n}: {said(held, 'da')}" for n in (1, 2))
