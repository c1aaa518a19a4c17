"""The workshop: what may be approved and by whom, where it may be played, and what the log says of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from gateway.callflow.settings import FlowSettings, IvrSettings
from gateway.workshop.workshop import Attempt, Item, Workshop, split
from ivr_prompts.catalogue import CONSENT_ROLES, Catalogue
from storage import audit_log, prompts
from storage.gate import Asking, NotAllowed
from storage.people import Person, Role
from storage.policy.book import Refused
from storage.prompts import Place, in_force
from tests.ivr_prompts.studio_files import shipped, spoken, write
from tests.storage.world import World

AT = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)
CONSENT = shipped("consent")
GOODBYE = shipped("goodbye").text
FLOWS = (
    FlowSettings("customer"),
    FlowSettings("claims", ("70101099",), ivr=IvrSettings(accept_key="2")),
    FlowSettings("english", ("70101098",), "en"),
    FlowSettings("inspector", ("70101097",), announced=True),
)


def person(user: str, *roles: str) -> Asking:
    return Asking(Person(user, tuple(map(Role, roles))), roles[0])


OLE, OVE = person("ole", "SYSADMIN"), person("ove", "SYSADMIN")
DPO, LEA, QA = person("dpo", "DPO"), person("lea", "LEGAL"), person("qa", "QA")


class Shop:
    """A workshop over an archive, and a folder for recordings."""

    def __init__(self, world: World, folder: Path, flows: tuple[FlowSettings, ...] = FLOWS[:1]) -> None:
        self.world, self.folder = world, folder
        self.shop = Workshop(
            world.db, world.store.folder, world.keys, Catalogue.load(), flows, "LB Forsikring"
        )

    def attempt(self, role: str = "goodbye", text: str = GOODBYE, quiet: bool = False) -> Attempt:
        file = write(self.folder / "studio.wav", spoken(role) * (0.3 if quiet else 1.0))
        markers = shipped(role).markers_ms if role in CONSENT_ROLES else {}
        return self.shop.take("da", role, file, text, markers)

    def make(self, role: str = "goodbye", text: str = GOODBYE, by: Asking = OLE, quiet: bool = False) -> Item:
        return self.shop.keep(by, "da", role, text, self.attempt(role, text, quiet), AT)

    def actions(self, subject: str) -> list[tuple[str, str]]:
        entries = self.world.db.read_sync(lambda s: list(audit_log.entries(s, subject)))
        return [(each.action, each.detail) for each in entries]


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Shop:
    return Shop(world, tmp_path)


def test_a_recording_is_kept_checked_and_waits_for_somebody_else(shop: Shop) -> None:
    item = shop.make()
    assert item.name == "da/goodbye/2" and item.row is not None
    assert (item.row.findings, item.row.made_by, item.row.approved_at) == ([], "ole", None)
    assert item.row.source == {
        **{"kind": "recorded", "format": "WAV PCM_24", "rate_hz": 48000},
        **{"channels": 1, "levelled": False},
    }
    assert item.row.loudness_lufs == pytest.approx(-22, abs=2)
    assert shop.shop.audio(item) == item.prompt.path.read_bytes()
    assert item.prompt.path.name == f"{item.prompt.sha256}.wav"
    with pytest.raises(Refused, match="four eyes"):
        shop.shop.approve(OLE, "da/goodbye/2", AT)
    approved = shop.shop.approve(OVE, "da/goodbye/2", AT)
    assert approved.row is not None and approved.row.approved_by == "ove"
    assert [action for action, _ in shop.actions(item.row.id)] == ["prompt.make", "refuse", "prompt.approve"]


@pytest.mark.parametrize("asking", [QA, person("a", "AGENT"), person("c", "COMPLIANCE")])
def test_who_does_not_answer_for_prompts_makes_approves_and_activates_none(
    shop: Shop, asking: Asking
) -> None:
    shop.make()
    with pytest.raises(NotAllowed, match="R-50"):
        shop.make(by=asking)
    with pytest.raises(NotAllowed, match="R-50"):
        shop.shop.approve(asking, "da/goodbye/2", AT)
    with pytest.raises(NotAllowed, match="R-50"):
        shop.shop.activate(asking, "da/goodbye/shipped", AT, AT)
    with pytest.raises(NotAllowed, match="R-50"):
        shop.shop.roll_back(asking, Place("da", "goodbye"), AT)
    assert [action for action, _ in shop.actions(prompts.SUBJECT)] == ["deny"] * 3  # the other: its version's
    assert len(shop.shop.items("da", "goodbye")) == 2


def test_a_role_that_is_not_held_is_none(shop: Shop) -> None:
    with pytest.raises(NotAllowed, match="does not hold DPO"):
        shop.make(by=Asking(OLE.person, "DPO"))


def test_the_consent_question_is_approved_by_those_who_answer_for_its_words(shop: Shop) -> None:
    shop.make("consent", CONSENT.text)
    with pytest.raises(NotAllowed, match="DPO, LEGAL"):
        shop.shop.approve(OVE, "da/consent/2", AT)
    assert shop.shop.approve(LEA, "da/consent/2", AT).name == "da/consent/2"


@pytest.mark.parametrize("role", CONSENT_ROLES[1:])
def test_a_question_for_one_purpose_is_made_approved_and_put_in_use_like_the_one_for_all(
    shop: Shop, role: str
) -> None:
    item = shop.make(role, shipped(role).text)
    assert [each.name for each in shop.shop.findings(item) if each.severity == "error"] == []
    with pytest.raises(NotAllowed):
        shop.shop.approve(OVE, item.name, AT)
    shop.shop.approve(DPO, item.name, AT, True, "as the policy's lawyer had it")
    shop.shop.activate(OLE, item.name, AT, AT)
    assert shop.shop.find(f"da/{role}", AT).prompt.version == item.prompt.version


def test_what_has_an_error_is_kept_and_never_approved(shop: Shop) -> None:
    item = shop.make("consent", CONSENT.text.replace("Tast 1", "Tast 2"))
    why = "da/consent/2 has errors: other_key, key_not_named; make a new version without them"
    with pytest.raises(Refused) as refused:
        shop.shop.approve(DPO, "da/consent/2", AT, accept_warnings=True, reason="we know")
    assert str(refused.value) == why
    assert item.row is not None and ("refuse" in [action for action, _ in shop.actions(item.row.id)])


@pytest.mark.parametrize(("accept", "reason"), [(False, ""), (True, ""), (True, "  "), (False, "we know")])
def test_warnings_need_to_be_accepted_with_a_reason(shop: Shop, accept: bool, reason: str) -> None:
    shop.make(quiet=True)
    with pytest.raises(Refused, match="warnings: too_quiet; give --accept-warnings"):
        shop.shop.approve(OVE, "da/goodbye/2", AT, accept, reason)


def test_accepted_warnings_stay_with_the_version_and_the_reason_is_sealed(shop: Shop) -> None:
    shop.make(quiet=True)
    item = shop.shop.approve(OVE, "da/goodbye/2", AT, True, "the studio is closed until June")
    assert item.row is not None and item.row.accepted_warnings == ["too_quiet"]
    assert "June" not in str(shop.actions(item.row.id))


def test_faults_of_the_studio_file_are_remembered_when_the_prompt_hides_them(shop: Shop) -> None:
    file = write(shop.folder / "low.wav", spoken(rate_hz=6000), 6000)
    attempt = shop.shop.take("da", "goodbye", file, GOODBYE, {}, level=True)
    item = shop.shop.keep(OLE, "da", "goodbye", GOODBYE, attempt, AT)
    assert "sample_rate" in [each.name for each in shop.shop.findings(item)]
    with pytest.raises(Refused, match="sample_rate"):
        shop.shop.approve(OVE, item.name, AT)


def test_the_words_are_checked_against_the_settings_of_the_day(world: World, tmp_path: Path) -> None:
    before = Shop(world, tmp_path)
    before.make("consent", CONSENT.text)
    other = (FlowSettings("customer", ivr=IvrSettings(accept_key="5")),)
    after = Shop(world, tmp_path, other)
    with pytest.raises(Refused, match="key_not_named"):
        after.shop.approve(DPO, "da/consent/2", AT)
    assert before.shop.approve(DPO, "da/consent/2", AT).name == "da/consent/2"


def test_a_damaged_file_is_neither_approved_nor_activated(shop: Shop) -> None:
    item = shop.make()
    sound = item.prompt.path.read_bytes()
    item.prompt.path.write_bytes(sound[:-2])
    with pytest.raises(Refused, match="missing or altered"):
        shop.shop.approve(OVE, item.name, AT)
    item.prompt.path.write_bytes(sound)
    shop.shop.approve(OVE, item.name, AT)
    item.prompt.path.unlink()
    with pytest.raises(Refused, match="missing or altered"):
        shop.shop.activate(OLE, item.name, AT, AT)


def test_an_approved_version_is_put_in_use_and_taken_back(shop: Shop) -> None:
    item = shop.make()
    with pytest.raises(Refused, match="not approved"):
        shop.shop.activate(OLE, item.name, AT, AT)
    shop.shop.approve(OVE, item.name, AT)
    shop.shop.activate(OLE, item.name, AT, AT)
    assert shop.shop.find("da/goodbye", AT).name == "da/goodbye/2"
    ended, left = shop.shop.roll_back(OLE, Place("da", "goodbye"), AT + timedelta(hours=1))
    assert (ended.name, left) == ("da/goodbye/2", None)
    assert shop.shop.find("da/goodbye", AT + timedelta(hours=1)).name == "da/goodbye/1"


def test_the_question_of_a_flow_names_the_key_of_that_flow(world: World, tmp_path: Path) -> None:
    shop = Shop(world, tmp_path, FLOWS)
    shop.make("consent", CONSENT.text)
    shop.make("consent", CONSENT.text.replace("Tast 1", "Tast 2"))
    for version in ("2", "3"):
        shop.shop.approve(DPO, f"da/consent/{version}", AT, True, "the flow claims accepts with 2")
    for allowed in ({"flow": "customer"}, {"number": "12345678"}, {"flow": "inspector"}):
        shop.shop.activate(OLE, "da/consent/2", AT, AT, **allowed)
    shop.shop.activate(OLE, "da/consent/3", AT, AT, flow="claims")
    for version, place, flow in (
        ("2", {"flow": "claims"}, "claims"),
        ("2", {"number": "70101099"}, "claims"),
        ("3", {"flow": "customer"}, "customer"),
        ("2", {}, "claims"),
    ):
        with pytest.raises(Refused, match=f"accepts in the flow {flow}"):
            shop.shop.activate(OLE, f"da/consent/{version}", AT, AT, **place)


@pytest.mark.parametrize(
    ("name", "place", "why"),
    [
        ("da/goodbye/9", {}, "no version da/goodbye/9"),
        ("sv/goodbye/1", {}, "no prompt set sv; there are da, en"),
        ("da/song/1", {}, "no prompt song"),
        ("goodbye", {}, "is named SET/PROMPT"),
        ("da/goodbye/1/2", {}, "is named SET/PROMPT"),
        ("da/goodbye/shipped", {"flow": "nightly"}, "no flow nightly; there are customer"),
        ("da/goodbye/shipped", {"flow": "english"}, "plays the set en, not da"),
        ("da/goodbye/shipped", {"number": "70101098"}, "plays the set en, not da"),
        ("da/goodbye/shipped", {"flow": "customer", "number": "1"}, "not both"),
    ],
)
def test_what_could_never_be_heard_is_refused(
    world: World, tmp_path: Path, name: str, place: dict[str, str], why: str
) -> None:
    with pytest.raises(Refused, match=why):
        Shop(world, tmp_path, FLOWS).shop.activate(OLE, name, AT, AT, **place)


def test_a_number_has_its_own_and_the_shipped_one_can_come_back_over_it(world: World, tmp_path: Path) -> None:
    shop = Shop(world, tmp_path, FLOWS)
    item = shop.make()
    shop.shop.approve(OVE, item.name, AT)
    shop.shop.activate(OLE, item.name, AT, AT)
    shop.shop.activate(OLE, "da/goodbye/shipped", AT, AT, number="70101099")
    activations = shop.shop.activations(AT)
    assert item.row is not None
    for number, expected in (("70101010", item.row.id), ("70101099", None)):
        found = in_force(activations, "da", "goodbye", "claims", number, AT)
        assert found is not None and found.version_id == expected


def test_versions_are_listed_after_the_shipped_one(shop: Shop) -> None:
    shop.make()
    shop.make(quiet=True)
    assert [item.name for item in shop.shop.items("da", "goodbye")] == [
        *("da/goodbye/1", "da/goodbye/2", "da/goodbye/3")
    ]
    assert shop.shop.find("da/goodbye/shipped", AT).row is None
    assert shop.shop.findings(shop.shop.find("da/goodbye/1", AT)) == ()
    assert split("da/goodbye/2") == ("da", "goodbye", "2")


@pytest.mark.parametrize("text", ["", "   ", "x" * 4001])
def test_a_text_that_cannot_be_spoken_is_refused(shop: Shop, text: str) -> None:
    with pytest.raises(Refused, match=r"no words|at most 4000"):
        shop.shop.voice("da", "goodbye", text, {})
