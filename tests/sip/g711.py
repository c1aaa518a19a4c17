"""G.711 A-law and µ-law for test phones, by table (ITU-T G.711)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]


def _alaw_decode_table() -> Pcm:
    out = np.zeros(256, np.int32)
    for code in range(256):
        value = code ^ 0x55
        sign, exponent, mantissa = value & 0x80, (value >> 4) & 7, value & 0x0F
        sample = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
        out[code] = sample if sign else -sample
    return out.astype(np.int16)


def _ulaw_decode_table() -> Pcm:
    out = np.zeros(256, np.int32)
    for code in range(256):
        value = ~code & 0xFF
        sample = (((value & 0x0F) << 3) + 0x84) << ((value >> 4) & 7)
        out[code] = -(sample - 0x84) if value & 0x80 else sample - 0x84
    return out.astype(np.int16)


def _encode_table(decode: Pcm) -> npt.NDArray[np.uint8]:
    """For every 16-bit sample the code whose value is nearest."""
    order = np.argsort(decode.astype(np.int32), kind="stable")
    values = decode.astype(np.int32)[order]
    samples = np.arange(-32768, 32768)
    right = np.clip(np.searchsorted(values, samples), 1, len(values) - 1)
    nearer_left = samples - values[right - 1] <= values[right] - samples
    return order[np.where(nearer_left, right - 1, right)].astype(np.uint8)


_DECODE = {8: _alaw_decode_table(), 0: _ulaw_decode_table()}
_ENCODE = {payload_type: _encode_table(table) for payload_type, table in _DECODE.items()}


def encode(pcm: Pcm, payload_type: int = 8) -> bytes:
    """Samples to bytes; payload type 8 is PCMA, 0 is PCMU."""
    return _ENCODE[payload_type][pcm.astype(np.int32) + 32768].tobytes()


def decode(data: bytes, payload_type: int = 8) -> Pcm:
    """Bytes to samples."""
    return _DECODE[payload_type][np.frombuffer(data, np.uint8)]
