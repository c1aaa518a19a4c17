"""Our transcriber with the small Danish model, asked by a plain WebSocket client of the public protocol.

What a client does wrong costs that client its stream, with a code and a sentence, and nobody else anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.sip.signals import Pcm
from tests.transcription.speech import say
from transcription import recogniser
from transcription.client import LegStream, transcribe
from transcription.models.catalogue import folder_of
from transcription.protocol import Final, StreamConfig
from transcription.recogniser import Model
from transcription.server import Transcriber, serve
from transcription.servers import Server, Servers

SENTENCE = "god dag jeg har en vandskade"
PIECE_BYTES = 3200


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(folder_of("da-demo"))


class Running:
    """A transcriber that listens, and a client of it."""

    def __init__(self, transcriber: Transcriber, port: int, session: aiohttp.ClientSession) -> None:
        self.transcriber, self.session = transcriber, session
        self.url, self.page = f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{port}"

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        return await self.session.ws_connect(self.url)

    async def until_streams(self, count: int) -> None:
        for _ in range(2000):
            if self.transcriber.counts.streams == count:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{self.transcriber.counts.streams} streams are there, not {count}")


@pytest.fixture
async def running(model: Model) -> AsyncIterator[Running]:
    transcriber = Transcriber(model, max_streams=4, threads=2)
    runner = await serve(transcriber, "127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        yield Running(transcriber, runner.addresses[0][1], session)
    await runner.cleanup()
    transcriber.close()


def pieces_of(pcm: Pcm, size: int = PIECE_BYTES) -> list[bytes]:
    whole = pcm.tobytes()
    return [whole[start : start + size] for start in range(0, len(whole), size)]


async def ask(socket: aiohttp.ClientWebSocketResponse, pcm: bytes) -> dict[str, Any]:
    """One piece, and the one answer to it."""
    await socket.send_bytes(pcm)
    return json.loads(await socket.receive_str(timeout=20))  # type: ignore[no-any-return]


async def heard(socket: aiohttp.ClientWebSocketResponse, pcm: Pcm, size: int = PIECE_BYTES) -> list[Any]:
    return [await ask(socket, piece) for piece in pieces_of(pcm, size)]


def words(answers: list[dict[str, Any]]) -> list[str]:
    return [word["word"] for answer in answers for word in answer.get("result", [])]


async def end(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """The last final, and the close."""
    await socket.send_str('{"eof" : 1}')
    final = json.loads(await socket.receive_str(timeout=20))
    closed = await socket.receive(timeout=20)
    assert closed.type is aiohttp.WSMsgType.CLOSE and closed.data == 1000
    return final  # type: ignore[no-any-return]


async def closes(socket: aiohttp.ClientWebSocketResponse, code: int) -> str:
    """The server closes with that code; its sentence."""
    message = await socket.receive(timeout=20)
    while message.type is aiohttp.WSMsgType.TEXT:  # answers that were on their way
        message = await socket.receive(timeout=20)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, code)
    return str(message.extra)


# --- the conversation ---------------------------------------------------------------------------------


async def test_a_plain_client_hears_partials_then_finals_with_words_and_times(running: Running) -> None:
    socket = await running.connect()
    await socket.send_str('{"config": {"sample_rate": 8000, "words": true}}')
    pcm = say(SENTENCE)
    answers = [*await heard(socket, pcm), await end(socket)]
    assert words(answers) == SENTENCE.split()
    partials = [answer["partial"] for answer in answers if "partial" in answer]
    assert "" in partials and SENTENCE in partials
    assert all(set(answer) <= {"partial"} or {"text"} <= set(answer) for answer in answers)
    for answer in answers:
        for word in answer.get("result", []):
            assert set(word) == {"conf", "start", "end", "word"}
            assert 0 <= word["start"] < word["end"] <= len(pcm) / 8000 and 0 <= word["conf"] <= 1
    await running.until_streams(0)


async def test_without_a_config_the_rate_is_8000_and_words_are_told(running: Running) -> None:
    socket = await running.connect()
    assert words([*await heard(socket, say("ja tak")), await end(socket)]) == ["ja", "tak"]


async def test_another_rate_is_heard_at_its_own_times(running: Running) -> None:
    at_8000, at_16000 = await running.connect(), await running.connect()
    await at_16000.send_str('{"config": {"sample_rate": 16000}}')
    low = [*await heard(at_8000, say(SENTENCE)), await end(at_8000)]
    high = [*await heard(at_16000, say(SENTENCE, 16000), 2 * PIECE_BYTES), await end(at_16000)]
    assert words(low) == words(high) == SENTENCE.split()
    times = [[w["start"] for answer in each for w in answer.get("result", [])] for each in (low, high)]
    assert all(abs(one - other) < 0.1 for one, other in zip(*times, strict=True))


async def test_a_phrase_list_is_all_that_is_heard(running: Running) -> None:
    socket = await running.connect()
    await socket.send_str('{"config": {"sample_rate": 8000, "phrase_list": ["ja", "nej", "tak"]}}')
    found = words(
        [*await heard(socket, say(SENTENCE)), *await heard(socket, say("nej tak")), await end(socket)]
    )
    assert set(found) <= {"ja", "nej", "tak", "[unk]"}
    assert found[-2:] == ["nej", "tak"]


async def test_words_can_be_left_out_and_alternatives_asked_for(running: Running) -> None:
    socket = await running.connect()
    await socket.send_str('{"config": {"words": false, "max_alternatives": 2}}')
    answers = [*await heard(socket, say("ja tak")), await end(socket)]
    assert "ja tak" in [answer.get("text") for answer in answers]
    assert not any("result" in answer for answer in answers)


async def test_a_reset_ends_the_utterance_and_times_go_on(running: Running) -> None:
    socket = await running.connect()
    pcm = say("ja tak")
    spoken = pcm[:-6000]  # without the silence that would end the utterance
    await heard(socket, spoken)
    await socket.send_str('{"reset" : 1}')
    first = json.loads(await socket.receive_str(timeout=20))
    second = [*await heard(socket, pcm), await end(socket)]
    assert words([first]) == words(second) == ["ja", "tak"]
    starts = [word["start"] for answer in second for word in answer.get("result", [])]
    assert starts[0] >= len(spoken) / 8000


async def test_pieces_of_any_length_odd_ones_too_are_heard_alike(running: Running) -> None:
    socket = await running.connect()
    assert words([*await heard(socket, say(SENTENCE), 4001), await end(socket)]) == SENTENCE.split()


async def test_an_empty_piece_has_its_answer_too(running: Running) -> None:
    socket = await running.connect()
    assert await ask(socket, b"") == {"partial": ""}
    assert (await end(socket))["text"] == ""


@pytest.mark.parametrize("spelling", ['{"eof" : 1}', '{"eof":1}', '{"eof": true}'])
async def test_the_end_is_understood_however_it_is_spelled(running: Running, spelling: str) -> None:
    socket = await running.connect()
    await socket.send_str(spelling)
    assert json.loads(await socket.receive_str(timeout=20)) == {"text": ""}
    assert await closes(socket, 1000) == ""


async def test_our_own_client_hears_what_a_plain_one_hears(running: Running) -> None:
    servers = Servers([Server(running.url)])

    async def pieces() -> AsyncIterator[bytes]:
        for piece in pieces_of(say(SENTENCE)):
            yield piece

    stored = await transcribe(servers, StreamConfig(), pieces())
    live = LegStream(servers, StreamConfig())
    live.start()
    for piece in pieces_of(say(SENTENCE)):
        live.feed(piece)
    await live.finish()
    await servers.close()
    assert [word.text for word in stored] == [word.text for word in live.words] == SENTENCE.split()
    assert live.gaps == ()


# --- trouble ------------------------------------------------------------------------------------------

BROKEN = [
    ('{"config": {"colour": 1}}', 1008, "unknown config key 'colour'"),
    ('{"config": []}', 1008, "config must be an object"),
    ('{"config": {"sample_rate": 3}}', 1008, "config.sample_rate"),
    ('{"config": {"phrase_list": ["\\ud800"]}}', 1008, "UTF-8"),
    ('{"config": {"model": "\\ud800"}}', 1008, "UTF-8"),
    ('{"config": {"sample_rate": NaN}}', 1008, "config.sample_rate"),
    ('{"config": {"sample_rate": 1e999}}', 1008, "config.sample_rate"),
    ('{"config": {"sample_rate": "8000"}}', 1008, "config.sample_rate"),
    ('{"config": {"max_alternatives": -1}}', 1008, "config.max_alternatives"),
    ('{"config": {"phrase_list": "ja"}}', 1008, "config.phrase_list"),
    ('{"config": {"phrase_list": [1]}}', 1008, "config.phrase_list"),
    ('{"config": {"model": "/etc/passwd"}}', 1008, "the model is the server's"),
    ("hello", 1003, "audio is binary"),
    ("[1]", 1003, "no JSON object"),
    ('{"sure": 1}', 1003, "config, eof or reset"),
    ("[" * 100_000, 1003, "audio is binary"),
]


@pytest.mark.parametrize(("text", "code", "sentence"), BROKEN)
async def test_what_is_no_part_of_the_protocol_is_closed_with_a_sentence(
    running: Running, text: str, code: int, sentence: str
) -> None:
    well, broken = await running.connect(), await running.connect()
    pieces = pieces_of(say("ja tak"))
    answers = [await ask(well, piece) for piece in pieces[:3]]
    await broken.send_str(text)
    assert sentence in await closes(broken, code)
    answers += [await ask(well, piece) for piece in pieces[3:]]
    assert words([*answers, await end(well)]) == ["ja", "tak"], "nobody else notices"
    assert running.transcriber.counts.protocol_errors_total == 1


async def test_a_config_after_the_first_sound_is_refused(running: Running) -> None:
    socket = await running.connect()
    await ask(socket, bytes(PIECE_BYTES))
    await socket.send_str('{"config": {"sample_rate": 8000}}')
    assert "before the first audio" in await closes(socket, 1008)


async def test_the_end_twice_is_the_end_once(running: Running) -> None:
    socket = await running.connect()
    await heard(socket, say("ja tak")[:-6000])
    await socket.send_str('{"eof" : 1}')
    await socket.send_str('{"eof" : 1}')
    assert words([json.loads(await socket.receive_str(timeout=20))]) == ["ja", "tak"]
    assert await closes(socket, 1000) == ""
    await running.until_streams(0)
    assert running.transcriber.counts.protocol_errors_total == 0


@pytest.mark.parametrize("what", ["sound", "text"])
async def test_a_message_of_ten_megabytes_is_closed_and_nobody_else_notices(
    running: Running, what: str
) -> None:
    well, big = await running.connect(), await running.connect()
    pieces = pieces_of(say("ja tak"))
    answers = [await ask(well, piece) for piece in pieces[:3]]
    sending = big.send_bytes(bytes(10_000_000)) if what == "sound" else big.send_str("x" * 10_000_000)
    with contextlib.suppress(ConnectionError):  # it is closed while we still send
        await asyncio.wait_for(sending, 20)
    await closes(big, 1009)
    answers += [await ask(well, piece) for piece in pieces[3:]]
    assert words([*answers, await end(well)]) == ["ja", "tak"]
    await running.until_streams(0)


async def test_a_client_that_vanishes_leaves_nothing_behind(running: Running) -> None:
    well, gone = await running.connect(), await running.connect()
    pieces = pieces_of(say(SENTENCE))
    answers = []
    for number, piece in enumerate(pieces):
        if number == 4:
            await gone.send_bytes(piece)
            transport = gone._writer.transport
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
        answers.append(await ask(well, piece))
    assert words([*answers, await end(well)]) == SENTENCE.split()
    await running.until_streams(0)


async def test_who_finds_every_stream_taken_is_told_so(running: Running) -> None:
    sockets = [await running.connect() for _ in range(4)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await running.connect()
    assert refused.value.status == 503
    await end(sockets[0])
    await running.until_streams(3)
    await end(await running.connect())
    assert running.transcriber.counts.refused_total == 1


async def test_a_stream_on_which_nothing_comes_is_closed(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transcription.server.IDLE_S", 0.2)
    socket = await running.connect()
    assert "nothing came" in await closes(socket, 1001)


async def test_streams_at_once_do_not_mix(running: Running) -> None:
    async def one(text: str) -> list[str]:
        socket = await running.connect()
        return words([*await heard(socket, say(text)), await end(socket)])

    texts = [SENTENCE, "ja tak", "hvad er din adresse", "en to tre fire fem"]
    assert await asyncio.gather(*map(one, texts)) == [text.split() for text in texts]


# --- health and metrics -------------------------------------------------------------------------------


async def test_health_tells_the_model_and_the_streams(running: Running) -> None:
    socket = await running.connect()
    async with running.session.get(f"{running.page}/livez") as answer:
        told = await answer.json()
    await end(socket)
    assert (told["status"], told["model"], told["rate_hz"], told["phrases"]) == (
        "alive",
        "da-demo",
        8000,
        True,
    )
    assert (told["streams"], told["max_streams"]) == (1, 4)
    async with running.session.get(running.page) as answer:
        assert answer.status == 426


async def test_metrics_are_prometheus_text_and_count(running: Running) -> None:
    socket = await running.connect()
    pcm = say("ja tak")
    await heard(socket, pcm)
    await end(socket)
    await running.until_streams(0)
    async with running.session.get(f"{running.page}/metrics") as answer:
        text = await answer.text()
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    name = "tast1_transcriber_"
    assert values[f"{name}streams"] == 0 and values[f"{name}streams_total"] == 1
    assert values[f"{name}words_total"] == 2
    assert values[f"{name}audio_seconds_total"] == pytest.approx(len(pcm) / 8000)
    assert values[f"{name}decoding_seconds_total"] > 0


# --- memory -------------------------------------------------------------------------------------------


def test_recognisers_are_replaced_between_utterances_and_times_go_on(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recogniser, "RECYCLE_S", 5.0)
    one = model.recogniser(StreamConfig())
    inner = {id(one._inner)}
    starts, fed_s = [], 0.0
    for _ in range(6):
        pcm = say("ja tak")
        for piece in pieces_of(pcm):
            told = one.feed(piece)
            inner.add(id(one._inner))
            if isinstance(told, Final):
                starts += [(word.text, word.start_s - fed_s) for word in told.words]
        fed_s += len(pcm) / 8000
    assert [text for text, _ in starts] == ["ja", "tak"] * 6
    assert all(-0.1 < at < 1.0 for _, at in starts), "each at its place in the stream"
    assert len(inner) >= 2
    assert one._before_s > 0


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_memory_does_not_grow_over_half_an_hour_of_talk(model: Model) -> None:
    """Recyclings every ten minutes (of the stream); the phrase list makes it quick to decode."""
    one = model.recogniser(StreamConfig(phrases=("ja", "nej", "tak")))
    talk = pieces_of(say("ja tak"), 16000)
    after: list[int] = []
    utterances = 0
    for minute in range(30):
        for _ in range(int(60 / (len(say("ja tak")) / 8000))):
            told = [one.feed(piece) for piece in talk]
            utterances += sum(isinstance(each, Final) and bool(each.words) for each in told)
        if minute >= 10:
            after.append(resident_bytes())
    assert utterances > 700
    assert one._before_s >= 2 * recogniser.RECYCLE_S
    assert max(after) - after[0] < 8 << 20
