"""The client: every moment of a leg is heard or in a gap, whatever servers do; feeding never waits."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.transcription.counting import BLOCK_S, CountingServer, sound
from transcription import client
from transcription.client import LegStream, cancelled, transcribe
from transcription.protocol import HeardWord, StreamConfig
from transcription.servers import NoServer, Server, ServerFailed, Servers

CONFIG = StreamConfig(phrases=("en", "to"))


@pytest.fixture
async def server() -> AsyncIterator[CountingServer]:
    one = await CountingServer().start()
    yield one
    await one.stop()


@pytest.fixture
async def other() -> AsyncIterator[CountingServer]:
    one = await CountingServer().start()
    yield one
    await one.stop()


@pytest.fixture(autouse=True)
async def sessions(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Every client session that a test opens is closed at its end."""
    made: list[Servers] = []
    begin = Servers.__init__

    def remembered(self: Servers, servers: Sequence[Server]) -> None:
        begin(self, servers)
        made.append(self)

    monkeypatch.setattr(Servers, "__init__", remembered)
    yield
    for one in made:
        await one.close()


def told(stream: LegStream) -> list[tuple[str, float]]:
    return [(word.text, round(word.start_s, 3)) for word in stream.words]


def numbered(*numbers: int) -> list[tuple[str, float]]:
    """What is heard when everything is: each word at its place."""
    return [(str(n), round(place * BLOCK_S, 3)) for place, n in enumerate(numbers) if n]


def account(stream: LegStream, *numbers: int) -> None:
    """Every word is heard where it was said, or lies in a gap."""
    heard = told(stream)
    assert len(set(heard)) == len(heard)
    for word in numbered(*numbers):
        missing = word not in heard
        inside = any(gap.start_s <= word[1] < gap.end_s for gap in stream.gaps)
        assert missing == inside, (word, stream.gaps)
    assert not [word for word in heard if word not in numbered(*numbers)]


async def say(stream: LegStream, numbers: tuple[int, ...], pause_s: float = 0.01) -> None:
    for number in numbers:
        stream.feed(sound(number))
        await asyncio.sleep(pause_s)


async def test_a_leg_is_heard_whole(server: CountingServer) -> None:
    said = (1, 2, 0, 3, 0, 4)
    partials: list[str] = []
    finals: list[str] = []
    stream = LegStream(Servers([Server(server.url)]), CONFIG)
    stream.on_partial = partials.append
    stream.on_final = lambda words: finals.append(" ".join(word.text for word in words))
    stream.start()
    await say(stream, said)
    await stream.finish()
    assert told(stream) == numbered(*said)
    assert stream.gaps == ()
    assert finals == ["1 2", "3", "4"] or finals == ["1 2", "3"]
    assert partials
    assert server.configs == [{"sample_rate": 8000, "words": True, "phrase_list": ["en", "to"]}]
    assert server.eofs == 1


FAULTS = ["close", "rubbish", "no_json", "wrong_times", "binary", "too_late", "no_times", "surrogate", "huge"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("after", [0, 3])
async def test_another_server_goes_on_in_mid_stream(
    server: CountingServer, other: CountingServer, fault: str, after: int
) -> None:
    server.fault, server.after = fault, after
    servers = Servers([Server(server.url), Server(other.url)])
    stream = LegStream(servers, CONFIG)
    stream.start()
    said = tuple(itertools.chain(range(1, 12), (0,), range(12, 20)))
    await say(stream, said)
    await stream.finish()
    account(stream, *said)
    assert ("19", round(19 * BLOCK_S, 3)) in told(stream)
    assert {gap.reason for gap in stream.gaps} == {"server"}
    assert server.streams == 1 and other.streams == 1
    assert servers.servers[0].failures == 1


async def test_a_server_that_tells_words_again_is_left(server: CountingServer, other: CountingServer) -> None:
    server.fault, server.after = "again", 25
    stream = LegStream(Servers([Server(server.url), Server(other.url)]), CONFIG)
    stream.start()
    said = (*range(1, 20), 0, *range(21, 41))
    await say(stream, said, 0.02)
    await stream.finish()
    account(stream, *said)
    assert told(stream)[0][0] == "1" and told(stream)[-1][0] == "40"
    assert server.streams == 1 and other.streams == 1


async def test_a_watcher_that_breaks_costs_words_that_are_caught_up_and_nothing_else(
    server: CountingServer,
) -> None:
    def broken(_: Sequence[HeardWord]) -> None:
        raise RuntimeError("a watcher's fault")

    stream = LegStream(Servers([Server(server.url)]), CONFIG)
    stream.on_final = broken
    stream.start()
    said = (1, 0, 2, 3)
    await say(stream, said)
    await stream.finish()
    account(stream, *said)
    assert stream.gaps
    assert stream.servers.servers[0].streams == 0


async def test_a_server_that_stalls_is_left(
    server: CountingServer, other: CountingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "REPLY_S", 0.2)
    server.fault, server.after = "stall", 2
    stream = LegStream(Servers([Server(server.url), Server(other.url)]), CONFIG)
    stream.start()
    said = tuple(range(1, 41))
    await say(stream, said)
    await stream.finish()
    account(stream, *said)
    assert told(stream)[-1][0] == "40"


async def test_without_a_server_everything_is_a_gap_and_feeding_does_not_wait(server: CountingServer) -> None:
    await server.stop()
    stream = LegStream(Servers([Server(server.url)]), CONFIG)
    stream.start()
    said = tuple(range(1, 10))
    await say(stream, said, 0)
    await stream.finish()
    assert stream.words == []
    assert [(gap.start_s, round(gap.end_s, 3), gap.reason) for gap in stream.gaps] == [
        (0.0, round(9 * BLOCK_S, 3), "unavailable")
    ]


async def test_a_server_that_comes_later_hears_the_rest(server: CountingServer) -> None:
    await server.stop()
    stream = LegStream(Servers([Server(server.url)]), CONFIG, max_queued_s=1.0)
    stream.start()
    early, late = tuple(range(1, 31)), tuple(range(31, 80))
    await say(stream, early, 0.02)
    await server.start()
    await say(stream, late, 0.05)
    await stream.finish()
    account(stream, *early, *late)
    assert told(stream)[-1][0] == "79"
    assert stream.gaps[0].start_s == 0


async def test_what_a_slow_server_cannot_take_is_a_gap(server: CountingServer) -> None:
    server.delay_s = 0.3
    stream = LegStream(Servers([Server(server.url)]), CONFIG, max_queued_s=1.0)
    stream.start()
    said = tuple(range(1, 101))
    await say(stream, said, 0.005)
    await stream.finish()
    account(stream, *said)
    assert {gap.reason for gap in stream.gaps} == {"lag"}
    assert told(stream)


async def test_each_stream_takes_the_server_with_the_fewest(
    server: CountingServer, other: CountingServer
) -> None:
    servers = Servers([Server(server.url), Server(other.url)])
    streams = [LegStream(servers, CONFIG) for _ in range(6)]
    for stream in streams:
        stream.start()
        await say(stream, (1,), 0.05)
    assert [one.streams for one in servers.servers] == [3, 3]
    for stream in streams:
        await stream.finish()
    assert [one.streams for one in servers.servers] == [0, 0]


async def test_what_was_aborted_is_forgotten(server: CountingServer) -> None:
    servers = Servers([Server(server.url)])
    stream = LegStream(servers, CONFIG)
    stream.start()
    await say(stream, (1, 0, 2))
    await stream.abort()
    assert stream.words == [] and stream.gaps == ()
    assert servers.servers[0].streams == 0


async def pieces(*numbers: int) -> AsyncIterator[bytes]:
    for number in numbers:
        yield sound(number)


async def test_sound_that_is_there_is_transcribed_at_the_servers_pace(server: CountingServer) -> None:
    servers = Servers([Server(server.url)])
    words = await transcribe(servers, CONFIG, pieces(1, 2, 0, 3))
    assert [(word.text, round(word.start_s, 3)) for word in words] == numbered(1, 2, 0, 3)
    server.fault = "close"
    with pytest.raises(ServerFailed):
        await transcribe(servers, CONFIG, pieces(1))
    with pytest.raises(NoServer):
        await transcribe(servers, CONFIG, pieces(1))
    assert servers.servers[0].streams == 0


async def test_a_task_that_swallows_its_cancellation_is_cancelled_again() -> None:
    async def stubborn() -> None:
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(cancelled(task), 10)
    assert task.cancelled()


async def test_a_word_before_a_hole_ends_before_it(server: CountingServer) -> None:
    """Where sound was dropped the server's clock and the leg's part, at the sample."""
    server.delay_s = 0.3
    stream = LegStream(Servers([Server(server.url)]), CONFIG, max_queued_s=1.0)
    stream.start()
    said = tuple(range(1, 101))
    await say(stream, said, 0.005)
    await stream.finish()
    assert stream.gaps
    for word in stream.words:
        assert round(word.end_s - word.start_s, 3) == BLOCK_S
