"""The model that comes with Tast1: what it hears, its card, and how models are checked."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from typer.testing import CliRunner

from gateway.cli import app
from tests.models.spoken import demand_espeak
from transcription.models import card, catalogue, check, evaluation
from transcription.models.catalogue import folder_of
from transcription.models.corpus import UNKNOWN, Corpus

DEMO = folder_of("da-demo")


@pytest.fixture(scope="module")
def hear() -> evaluation.Decoder:
    return evaluation.decoder(DEMO)


def test_it_hears_sentences_and_voices_that_it_was_not_trained_on(hear: evaluation.Decoder) -> None:
    demand_espeak()
    found = evaluation.score(list(evaluation.held_out_clips(40)), hear)
    assert found.said > 200
    assert found.rate < 0.12  # the card's figure is of ten times as many


def test_words_it_does_not_know_are_mostly_not_made_known_ones(hear: evaluation.Decoder) -> None:
    demand_espeak()
    found = evaluation.score(list(evaluation.foreign_clips(15)), hear)
    assert found.heard_known < 0.7 * found.said
    assert found.heard_unknown > 0


def test_silence_is_no_word(hear: evaluation.Decoder) -> None:
    assert hear(bytes(8000 * 2 * 20)) == ()


def test_a_stream_may_be_restricted_to_phrases() -> None:
    phrases = ("jeg vil gerne anmelde en vandskade", "ja", "nej")
    heard = evaluation.decoder(DEMO, phrases)(check.sample_pcm())
    assert set(heard) <= {*" ".join(phrases).split(), UNKNOWN}
    assert " ".join(heard).startswith("jeg vil gerne anmelde en vandskade")


def test_the_same_sound_gives_the_same_words(hear: evaluation.Decoder) -> None:
    heard = hear(check.sample_pcm())
    assert heard == hear(check.sample_pcm())
    assert evaluation.errors(check.SAMPLE_WORDS.split(), heard) <= 1


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [("a b c", "a b c", 0), ("a b c", "a c", 1), ("a b", "a x b", 1), ("a b", "b a", 2), ("", "a", 1)],
)
def test_errors_are_the_fewest_changes(said: str, heard: str, errors: int) -> None:
    assert evaluation.errors(said.split(), heard.split()) == errors


# --- the card -------------------------------------------------------------------------------------


def test_the_vocabulary_of_card_corpus_and_model_is_one() -> None:
    words = card.vocabulary_of(DEMO)
    assert words == list(Corpus.load().vocabulary)
    told = catalogue.card("da-demo").split("## Vocabulary")[1]
    assert [word.strip() for word in told.replace("\n", " ").split(",")] == words


def test_the_card_says_what_was_measured() -> None:
    figures = catalogue.figures("da-demo")
    assert card.card_text(figures, card.vocabulary_of(DEMO)) == catalogue.card("da-demo")
    assert figures["word_error_rate"] <= evaluation.TARGET
    assert figures["sentences"] >= 300


def test_it_is_small() -> None:
    assert sum(file.stat().st_size for file in DEMO.rglob("*") if file.is_file()) < 3_000_000


# --- checking -------------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(DEMO, tmp_path / "model")
    return tmp_path / "model"


def test_a_good_model_is_described_and_hears() -> None:
    report = check.check_folder(DEMO)
    assert (report.rate_hz, report.phrases, report.hears) == (8000, True, True)
    assert report.vocabulary == len(card.vocabulary_of(DEMO))


def _without_silence_phones(folder: Path) -> None:
    conf = folder / "conf/model.conf"
    lines = conf.read_text().splitlines(keepends=True)
    conf.write_text("".join(line for line in lines if "silence-phones" not in line))


def _cut(name: str) -> Any:
    def cut(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:1000])

    return cut


BROKEN = {
    "no words": (lambda folder: (folder / "graph/words.txt").unlink(), "no Vosk model"),
    "no graph": (lambda folder: (folder / "graph/Gr.fst").unlink(), "graph/Gr.fst is missing"),
    "no features": (lambda folder: (folder / "conf/mfcc.conf").unlink(), "conf/mfcc.conf is missing"),
    "no silence": (_without_silence_phones, "silence-phones"),
    "cut network": (_cut("am/final.mdl"), "vosk cannot load"),
    "cut graph": (_cut("graph/HCLr.fst"), "vosk"),
    "unknown option": (
        lambda folder: (folder / "conf/model.conf").write_text("--endpoint.silence-phones=1\n--no-such=1\n"),
        "vosk cannot load",
    ),
    "aborts": (
        lambda folder: (folder / "conf/model.conf").write_text("--endpoint.silence-phones=1:1\n"),
        "Vosk gave up on it",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_model_is_refused_with_the_reason(fault: str, copy: Path) -> None:
    spoil, why = BROKEN[fault]
    spoil(copy)
    with pytest.raises(check.CheckError, match=why):
        check.check_folder(copy)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(check.CheckError, match="no such folder"):
        check.check_folder(tmp_path / "nothing")


# --- the commands ---------------------------------------------------------------------------------


def tast1(*words: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["model", *words])
    assert result.exit_code == status, result.output
    return result.output


def test_the_list_names_the_models_with_their_error_rate() -> None:
    rows = json.loads(tast1("list", "--json"))
    assert [row["model"] for row in rows] == list(catalogue.BUILT_IN)
    assert rows[0]["word_error_rate"] == catalogue.figures("da-demo")["word_error_rate"]
    assert "da-demo" in tast1("list")
    assert "Not for:" in tast1("list", "--card", "--lang", "en")


def test_a_check_prints_what_was_heard() -> None:
    assert json.loads(tast1("check", "da-demo", "--json"))["hears"] is True
    assert check.SAMPLE_WORDS in tast1("check", "da-demo", "--lang", "en")


def test_a_check_of_nothing_ends_with_two(tmp_path: Path) -> None:
    tast1("check", str(tmp_path), status=2)
    tast1("check", "ws://127.0.0.1:9", status=2)


class Server:
    """A transcriber that answers as it is told."""

    def __init__(self, partial: str, last: str) -> None:
        self.partial, self.last = partial, last
        self.messages = 0

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                self.messages += 1
                await socket.send_str(self.partial)
            elif "eof" in message.data:
                await socket.send_str(self.last)
                await socket.close()
        return socket


async def served(server: Server) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/", server.stream)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def ask(server: Server) -> check.Report:
    async for url in served(server):
        return await check.ask(url, 5.0)
    raise AssertionError


async def test_a_transcriber_is_asked_with_the_sentence() -> None:
    server = Server('{"partial": "jeg"}', '{"text": "jeg vil"}')
    report = await ask(server)
    assert (report.heard, report.hears) == ("jeg vil", True)
    assert server.messages == len(list(check.pieces(check.sample_pcm())))


async def test_a_transcriber_of_another_language_is_told_from_one_that_hears() -> None:
    assert not (await ask(Server('{"partial": ""}', '{"text": "the"}'))).hears


async def test_a_server_of_another_protocol_is_refused() -> None:
    with pytest.raises(check.CheckError, match="protocol"):
        await ask(Server("hello", "hello"))
