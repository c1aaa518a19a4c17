"""The vosk protocol, both directions: a message or an error; what was read can be written."""

from __future__ import annotations

from tests.fuzz.feed import Feed
from transcription import protocol as p

SEEDS = (
    b'\x00{"config": {"sample_rate": 8000, "words": true, "phrase_list": ["ja"], "max_alternatives": 2}}',
    b'\x00{"eof" : 1}',
    b'\x00{"reset": 1}',
    b'\x00{"config": {"sample_rate": 1e999, "model": "x"}}',
    b'\x01{"partial": "det er"}',
    b'\x01{"result": [{"conf": 1.0, "start": 0.3, "end": 0.5, "word": "det"}], "text": "det er min bil"}',
    b'\x01{"alternatives": [{"text": "a", "confidence": 7, "result": []}]}',
)
WORDS = (
    *(
        b'"config"',
        b'"sample_rate"',
        b'"phrase_list"',
        b'"text"',
        b'"result"',
        b'"word"',
        b'"start"',
        b'"end"',
    ),
    *(b"NaN", b"Infinity", b"1e999", b"\\ud800", b"null", b"true", b'"alternatives"', b'"partial"'),
)


def run(data: bytes) -> None:
    feed = Feed(data)
    read = feed.pick((client, server))
    text = feed.rest().decode("utf-8", "replace")
    try:
        read(text)
    except p.ProtocolError as error:
        assert 1000 <= error.code < 5000 and str(error).isprintable()


def client(text: str) -> None:
    message = p.parse_client_text(text)
    if isinstance(message, p.StreamConfig):
        assert 8000 <= message.sample_rate_hz <= 48000 and len(message.phrases) <= p.MAX_PHRASES
        again = p.parse_client_text(p.config_text(message))
        assert isinstance(again, p.StreamConfig)
        assert (again.sample_rate_hz, again.words, again.phrases) == (
            message.sample_rate_hz,
            message.words,
            message.phrases,
        )
        p.config_text(message).encode()


def server(text: str) -> None:
    message = p.parse_server_text(text)
    if isinstance(message, p.Partial):
        assert p.parse_server_text(p.partial_text(message.text)) == message
        message.text.encode()
        return
    for word in message.words:
        assert 0 <= word.start_s <= word.end_s and 0 <= word.confidence <= 1
    assert p.parse_server_text(p.final_text(message.text, message.words)) == message
    p.final_text(message.text, message.words).encode()
