"""The vosk-server WebSocket protocol, as messages: parsed and written. Pure.

A client may first send one text with a `config`; then binary messages of raw 16-bit little-endian mono PCM,
each answered by exactly one text: a partial result, or a final one when an utterance has ended. `eof` asks
for the last final result and the close; `reset` for the final result of what was said so far.

    {"config": {"sample_rate": 8000, "words": true, "phrase_list": ["ja", "nej"]}}
    {"partial": "det er"}
    {"result": [{"conf": 1.0, "start": 0.3, "end": 0.5, "word": "det"}], "text": "det er min bil"}
    {"eof" : 1}

The public server compares `eof` byte for byte; so we write it as it does, and read it however it is spelled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

EOF_TEXT = '{"eof" : 1}'
RESET_TEXT = '{"reset" : 1}'

RATES_HZ = range(8000, 48001)
MAX_PHRASES = 5000
MAX_TEXT_CHARS = 1 << 20


class ProtocolError(ValueError):
    """The other side broke the protocol. `code` is the WebSocket close code that fits (RFC 6455 §7.4.1)."""

    def __init__(self, message: str, code: int = 1008) -> None:
        super().__init__(message)
        self.code = code


# --- what a client says -------------------------------------------------------------------------------


@dataclass(frozen=True)
class StreamConfig:
    """How a stream is to be recognised. `phrases` restricts the vocabulary where the model allows it."""

    sample_rate_hz: int = 8000
    words: bool = True
    max_alternatives: int = 0
    phrases: tuple[str, ...] = ()
    model: str | None = None


@dataclass(frozen=True)
class Eof:
    """No more audio: the last final result, then the close."""


@dataclass(frozen=True)
class Reset:
    """The utterance is over as far as the client is concerned."""


ClientMessage = Union[StreamConfig, Eof, Reset]


def parse_client_text(text: str) -> ClientMessage:
    """What a client's text message means; `ProtocolError` says what is wrong with it."""
    message = _json(text)
    if "config" in message:
        return _config(message["config"])
    if "eof" in message:
        return Eof()
    if "reset" in message:
        return Reset()
    raise ProtocolError("a text message holds config, eof or reset; audio is binary", 1003)


def _config(value: Any) -> StreamConfig:
    if not isinstance(value, dict):
        raise ProtocolError("config must be an object")
    unknown = sorted(set(value) - {"sample_rate", "words", "max_alternatives", "phrase_list", "model"})
    if unknown:
        raise ProtocolError(f"unknown config key {unknown[0][:40]!r}")
    rate = value.get("sample_rate", 8000)
    # Compared before it is made whole: NaN and infinity are numbers of JSON's parser, and of no telephone.
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 8000 <= rate <= 48000:
        raise ProtocolError(f"config.sample_rate must be {RATES_HZ.start} to {RATES_HZ.stop - 1} Hz")
    alternatives = value.get("max_alternatives", 0)
    if isinstance(alternatives, bool) or not isinstance(alternatives, int) or not 0 <= alternatives <= 100:
        raise ProtocolError("config.max_alternatives must be 0 to 100")
    phrases = value.get("phrase_list") or []
    if (
        not isinstance(phrases, list)
        or len(phrases) > MAX_PHRASES
        or not all(isinstance(phrase, str) for phrase in phrases)
    ):
        raise ProtocolError(f"config.phrase_list must be a list of at most {MAX_PHRASES} texts")
    for phrase in phrases:
        _text(phrase)
    model = value.get("model")
    if model is not None and not isinstance(model, str):
        raise ProtocolError("config.model must be a text")
    _text(model or "")
    return StreamConfig(int(rate), bool(value.get("words", True)), alternatives, tuple(phrases), model)


def config_text(config: StreamConfig) -> str:
    """The text message that configures a stream; only keys that every server of the protocol knows."""
    told: dict[str, Any] = {"sample_rate": config.sample_rate_hz, "words": config.words}
    if config.max_alternatives:
        told["max_alternatives"] = config.max_alternatives
    if config.phrases:
        told["phrase_list"] = list(config.phrases)
    if config.model:
        told["model"] = config.model
    return json.dumps({"config": told}, ensure_ascii=False)


# --- what a server says -------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeardWord:
    """A word of a final result. Seconds from the start of the stream; confidence 0 to 1."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class Partial:
    """What was heard so far of an utterance that goes on."""

    text: str


@dataclass(frozen=True)
class Final:
    """An utterance that is over. `words` is empty when nothing was said, or the server gives no words."""

    text: str
    words: tuple[HeardWord, ...] = ()


ServerMessage = Union[Partial, Final]


def parse_server_text(text: str) -> ServerMessage:
    """What a server's reply means; `ProtocolError` when it is no result of the protocol."""
    message = _json(text)
    if "partial" in message:
        return Partial(_text(message["partial"]))
    if "alternatives" in message:
        best = message["alternatives"]
        if not isinstance(best, list) or not best or not isinstance(best[0], dict):
            raise ProtocolError("alternatives must be a list of results")
        message = best[0]
    if "text" not in message:
        raise ProtocolError("a result has partial, text or alternatives")
    return Final(_text(message["text"]), _words(message.get("result", [])))


def _words(result: Any) -> tuple[HeardWord, ...]:
    if not isinstance(result, list):
        raise ProtocolError("result must be a list of words")
    return tuple(_word(word) for word in result)


def _word(word: Any) -> HeardWord:
    if not isinstance(word, Mapping):
        raise ProtocolError("a word must be an object")
    try:
        start, end = float(word["start"]), float(word["end"])
        confidence = float(word.get("conf", 1.0))
        text = _text(word["word"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError("a word needs word, start and end") from error
    if not (0 <= start <= end < 1e6) or not 0 <= confidence <= 1.001:  # also false for NaN
        raise ProtocolError("a word's times or confidence are no such thing")
    return HeardWord(text, start, end, min(1.0, confidence))


def partial_text(text: str) -> str:
    """The reply while an utterance goes on."""
    return json.dumps({"partial": text}, ensure_ascii=False)


def final_text(text: str, words: Sequence[HeardWord] | None) -> str:
    """The reply when an utterance is over; without words when the client wants none."""
    told: dict[str, Any] = {}
    if words:
        told["result"] = [
            {"conf": word.confidence, "end": word.end_s, "start": word.start_s, "word": word.text}
            for word in words
        ]
    return json.dumps({**told, "text": text}, ensure_ascii=False)


def _json(text: str) -> dict[str, Any]:
    if len(text) > MAX_TEXT_CHARS:
        raise ProtocolError("the text message is too long", 1009)
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("the text message is no JSON; audio is binary", 1003) from error
    if not isinstance(message, dict):
        raise ProtocolError("the text message is no JSON object", 1003)
    return message


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ProtocolError("a text was expected")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ProtocolError("a text cannot be written as UTF-8")
    return value
