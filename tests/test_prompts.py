"""The prompts: what stands in the catalogue is what is heard, and a set that does not match is refused."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
import yaml

from ivr_prompts import BUILT_IN, Catalogue, CatalogueError
from ivr_prompts.catalogue import CONSENT_MARKERS, OPTIONAL, ROLES
from ivr_prompts.render import main as render

DANISH = (
    "for at forbedre vores service, ønsker vi at optage samtalen til uddannelses- og analysemæssige formål "
    "og for at dokumentere, hvad vi har talt om. Læs mere under ”Personoplysninger” på vores hjemmeside. "
    "Tast 1 for at acceptere optagelsen - ellers vent venligst"
)
ENGLISH = (
    "To improve our service, we would like to record this call for training and analysis purposes and to "
    "document what we have talked about. Read more under 'Personoplysninger' on our website. "
    "Press 1 to accept the recording – otherwise please hold."
)
SETS = ("da", "en")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the built-in sets, to be damaged."""
    for language in SETS:
        shutil.copytree(BUILT_IN / language, tmp_path / language)
    return tmp_path


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768


def change(folder: Path, role: str, **values: object) -> None:
    file = folder / "da" / "catalogue.yaml"
    catalogue = yaml.safe_load(file.read_text(encoding="utf-8"))
    catalogue["prompts"][role].update(values)
    file.write_text(yaml.safe_dump(catalogue, allow_unicode=True), encoding="utf-8")


def faults(folder: Path) -> tuple[str, ...]:
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load(folder)
    return caught.value.faults


def test_the_consent_question_is_word_for_word_the_policys() -> None:
    catalogue = Catalogue.load()
    assert catalogue["da"]["consent"].text == DANISH
    assert catalogue["en"]["consent"].text == ENGLISH


def test_both_languages_have_every_prompt() -> None:
    catalogue = Catalogue.load()
    assert catalogue.languages == SETS
    for language in SETS:
        assert tuple(catalogue[language]) == (*ROLES, *OPTIONAL)
    ids = [prompt.id for prompt in catalogue]
    assert len(set(ids)) == len(ids)


def test_the_greeting_names_the_company_before_the_question() -> None:
    for language in SETS:
        assert "LB Forsikring" in Catalogue.load()[language]["greeting"].text


@pytest.mark.parametrize("language", SETS)
def test_at_each_marker_the_words_before_it_have_ended_and_the_next_have_not_begun(language: str) -> None:
    prompt = Catalogue.load()[language]["consent"]
    sound = np.abs(samples(prompt.path)) > 10 ** (-45 / 20)
    for marker in CONSENT_MARKERS:
        at = prompt.markers_ms[marker] * 8
        assert sound[at - 8 * 120 : at].any(), f"silence before {marker}"
        assert not sound[at : at + 8 * 200].any(), f"sound after {marker}"
    assert prompt.markers_ms["prompt_end"] < prompt.duration_ms


@pytest.mark.parametrize("language", SETS)
def test_the_purposes_end_before_the_key_is_named(language: str) -> None:
    at = Catalogue.load()[language]["consent"].markers_ms
    assert 3000 < at["purposes_end"] < at["key_instruction"] - 3000  # a sentence stands between them


@pytest.mark.parametrize("prompt", list(Catalogue.load()), ids=lambda prompt: prompt.id)
def test_every_prompt_is_as_loud_as_a_telephone_prompt_should_be(prompt: object) -> None:
    sound = samples(prompt.path)  # type: ignore[attr-defined]
    heard = sound[np.abs(sound) > 10 ** (-50 / 20)]
    level_dbfs = 20 * np.log10(np.sqrt(np.mean(heard**2)))
    assert -23 < level_dbfs < -18
    assert np.abs(sound).max() < 10 ** (-2 / 20)


def test_ringback_is_the_danish_tone_and_can_be_looped() -> None:
    sound = samples(Catalogue.load()["da"]["ringback"].path)
    assert len(sound) == 5 * 8000
    tone, pause = sound[:8000], sound[8000:]
    assert np.abs(np.fft.rfft(tone)).argmax() == 425
    assert not pause.any()


def test_a_changed_recording_is_refused_and_says_how_to_take_it_over(folder: Path) -> None:
    path = folder / "da" / "goodbye.wav"
    path.write_bytes((folder / "da" / "problem.wav").read_bytes())
    (fault,) = faults(folder)
    assert "prompts.goodbye" in fault
    assert "python -m ivr_prompts.render --rehash" in fault


def test_a_changed_text_is_refused(folder: Path) -> None:
    change(folder, "consent", text=DANISH.replace("Tast 1", "Tast 2"))
    (fault,) = faults(folder)
    assert "prompts.consent" in fault and "text" in fault


def test_all_faults_of_all_sets_are_told_at_once(folder: Path) -> None:
    (folder / "da" / "greeting.wav").unlink()
    (folder / "da" / "stopped.wav").write_bytes(b"no sound at all")
    (folder / "en" / "catalogue.yaml").write_text("nothing: here", encoding="utf-8")
    change(folder, "consent", markers={"purposes_end": {"ms": 9000}, "prompt_end": {"ms": 8000}})
    change(folder, "problem", duration_ms=1)
    told = faults(folder)
    assert len(told) == 5
    words = ("greeting.wav cannot be read", "is not a PCM WAV", "en/catalogue", "key_instruction", "lasts")
    for word in words:
        assert any(word in fault for fault in told), word


@pytest.mark.parametrize(
    ("rate", "channels", "width"),
    [(16000, 1, 2), (8000, 2, 2), (8000, 1, 1)],
    ids=["16 kHz", "stereo", "8 bit"],
)
def test_a_recording_in_another_format_is_refused(folder: Path, rate: int, channels: int, width: int) -> None:
    with wave.open(str(folder / "da" / "goodbye.wav"), "wb") as file:
        file.setframerate(rate)
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.writeframes(bytes(width * channels * 800))
    (fault,) = faults(folder)
    assert "save it as 8000 Hz, mono, 16 bits" in fault


@pytest.mark.parametrize(
    "at", [(9000, 8000, 16000), (0, 9000, 16000), (9000, 12000, 60000)], ids=["order", "at nought", "outside"]
)
def test_markers_out_of_order_or_outside_the_recording_are_refused(folder: Path, at: tuple[int, ...]) -> None:
    change(
        folder, "consent", markers={name: {"ms": ms} for name, ms in zip(CONSENT_MARKERS, at, strict=True)}
    )
    (fault,) = faults(folder)
    assert "markers must stand in the order" in fault


def test_an_empty_folder_is_no_catalogue(tmp_path: Path) -> None:
    assert "no prompt set" in faults(tmp_path)[0]


def test_rehash_takes_a_studio_recording_over_and_counts_its_version_up(folder: Path) -> None:
    before = Catalogue.load(folder)["da"]
    (folder / "da" / "goodbye.wav").write_bytes((folder / "da" / "problem.wav").read_bytes())
    assert render(["--folder", str(folder), "--rehash"]) == 0
    after = Catalogue.load(folder)["da"]
    assert after["goodbye"].sha256 == after["problem"].sha256
    assert (before["goodbye"].version, after["goodbye"].version) == ("1", "2")
    assert after["consent"] == before["consent"]


def test_rehash_refuses_what_is_no_telephone_recording(folder: Path, capsys: pytest.CaptureFixture) -> None:
    (folder / "da" / "goodbye.wav").write_bytes(b"no sound at all")
    assert render(["--folder", str(folder), "--rehash"]) == 2
    assert "goodbye.wav is not a PCM WAV file" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="voicing needs espeak-ng")
def test_voicing_a_text_again_gives_a_set_that_is_accepted(tmp_path: Path) -> None:
    shutil.copytree(BUILT_IN / "da", tmp_path / "da")
    for file in (tmp_path / "da").glob("*.wav"):
        file.unlink()
    assert render(["--folder", str(tmp_path)]) == 0
    again = Catalogue.load(tmp_path)["da"]["consent"]
    assert again.text == DANISH
    assert 10_000 < again.duration_ms < 30_000
