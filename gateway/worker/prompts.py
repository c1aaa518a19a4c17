"""Files played to the caller. Players live as long as the process.

pjproject 2.15.1 may use a player after it was freed when one reaches its end, so no player is ever
deleted while the clock runs, and one that was just stopped is not rewound but left to rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pjsua2 as pj

from gateway.callflow.messages import PromptFailed, PromptFinished
from gateway.calls.line import PlayStarted
from gateway.worker.endpoint import SAMPLE_RATE_HZ

REST_S = 0.06  # a disconnected player may still be read until the next tick of the clock
FRAME = 160  # samples
POLL_S = 0.01
FAR_POLL_S = 0.1
BUFFER = 2000  # samples that pjmedia's WAV player reads at a time


@dataclass
class _Player:
    media: pj.AudioMediaPlayer
    path: str
    loop: bool
    samples: int
    stopped_at: float


@dataclass
class _Playing:
    play: int
    player: _Player
    started_at: float | None = None
    heard: int = 0  # samples


class Prompts:
    """At most one file plays at a time. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._players: list[_Player] = []
        self._playing: _Playing | None = None

    @property
    def media(self) -> pj.AudioMedia | None:
        """What the caller should be connected to."""
        return self._playing.player.media if self._playing else None

    def play(self, play: int, path: str, loop: bool, now: float) -> list[PromptFailed]:
        """Make a file the one that plays; its sound begins when its port is connected."""
        self.stop(None, now)
        try:
            self._playing = _Playing(play, self._player(path, loop, now))
        except (pj.Error, OSError):
            return [PromptFailed(play)]
        return []

    def stop(self, play: int | None, now: float) -> None:
        """Stop a file (None: whichever plays)."""
        playing = self._playing
        if playing is not None and play in (None, playing.play):
            playing.player.stopped_at = now
            self._playing = None

    def heard_ms(self, now: float) -> int | None:
        """Milliseconds of the playing file that went out so far; None: none plays, or it loops."""
        playing = self._playing
        if playing is None or playing.player.loop:
            return None
        self._look(playing, now)
        return playing.heard * 1000 // SAMPLE_RATE_HZ

    def pass_time(self, now: float) -> list[PlayStarted | PromptFinished]:
        """What became of the playing file by `now`."""
        playing = self._playing
        events: list[PlayStarted | PromptFinished] = []
        if playing is None:
            return events
        before = playing.started_at
        self._look(playing, now)
        if before is None and playing.started_at is not None:
            events.append(PlayStarted(playing.play))
        if not playing.player.loop and playing.heard >= playing.player.samples - FRAME // 2:
            self.stop(playing.play, now)
            events.append(PromptFinished(playing.play))
        return events

    def due(self, now: float) -> float | None:
        """When `pass_time` is wanted."""
        playing = self._playing
        if playing is None or (playing.player.loop and playing.started_at is not None):
            return None
        left_s = (playing.player.samples - playing.heard) / SAMPLE_RATE_HZ
        near = playing.started_at is None or left_s <= 2 * FAR_POLL_S
        return now + (POLL_S if near else FAR_POLL_S)

    def forget(self) -> None:
        """Delete all players; only after the clock was stopped."""
        self._playing = None
        self._players.clear()

    def _look(self, playing: _Playing, now: float) -> None:
        """Read the position. In its last buffer pjmedia says 0: there the clock on the wall goes on."""
        position = playing.player.media.getPos()
        if playing.started_at is None:
            if position == 0:
                return
            playing.started_at = now - position / SAMPLE_RATE_HZ
        if position == 0:
            samples = playing.player.samples
            by_clock = int((now - playing.started_at) * SAMPLE_RATE_HZ)
            tail = max(0, samples - samples % BUFFER - FRAME) if samples % BUFFER else samples - BUFFER
            position = min(samples, max(by_clock, tail))
        playing.heard = max(playing.heard, position)

    def _player(self, path: str, loop: bool, now: float) -> _Player:
        for player in self._players:
            if player.path == path and player.loop == loop and now - player.stopped_at >= REST_S:
                player.media.setPos(0)
                return player
        if not path.startswith("/proc/") and not Path(path).is_file():
            raise FileNotFoundError("the file to be played is not there")
        media = pj.AudioMediaPlayer()
        media.createPlayer(path, 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)
        player = _Player(media, path, loop, int(media.getInfo().sizeSamples), now)
        self._players.append(player)
        return player
