"""The benchmark's figures are computed right: on made-up inputs, nothing is measured here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import archive, processes, rate, report
from benchmarks.__main__ import RUNS
from benchmarks.load import Level, Plan
from benchmarks.machine import Machine, cpu_model
from benchmarks.measured import peak_mib
from benchmarks.measures import (
    FRAME,
    Frames,
    Spread,
    damaged_frames,
    invite_to_ms,
    per_call_minute,
    percentile,
)
from benchmarks.page import SECTIONS, put, sections
from tests.sip import g711
from tests.sip.signals import Pcm, tone

HZ = 440


def recorded(seconds: float = 2.0) -> Pcm:
    """A tone as it is after G.711, with the other phone's silence before and after it."""
    silence = np.zeros(3 * FRAME, np.int16)
    return np.concatenate([silence, g711.decode(g711.encode(tone(HZ, seconds))), silence])


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.01) == 7.0
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(count=3, median=2.0, p95=3.0, p99=3.0, worst=3.0)
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_cpu_is_shared_out_by_calls_and_minutes() -> None:
    assert per_call_minute(cpu_s=5.0, calls=20, seconds=30.0) == 0.5


def test_a_whole_tone_has_no_damaged_frame() -> None:
    assert damaged_frames(recorded(), HZ) == Frames(whole=100, damaged=0)


@pytest.mark.parametrize("offset", [0, 1, 60, 159])
def test_a_recording_need_not_begin_with_a_packet(offset: int) -> None:
    assert damaged_frames(recorded()[offset:], HZ).damaged == 0


@pytest.mark.parametrize("at", [40, 41, 77])
def test_a_frame_of_silence_of_noise_and_of_another_tone_is_found(at: int) -> None:
    noise = np.random.default_rng(at).integers(-9000, 9000, FRAME).astype(np.int16)
    for fault in (
        np.zeros(FRAME, np.int16),
        noise,
        tone(700, FRAME / 8000),
        tone(HZ, FRAME / 8000, level=0.2),
    ):
        pcm = recorded()
        pcm[at * FRAME : (at + 1) * FRAME] = fault
        assert damaged_frames(pcm, HZ) == Frames(whole=100, damaged=1)


@pytest.mark.parametrize("samples", [1, 40, FRAME, 2 * FRAME])
def test_what_is_lost_or_added_is_found(samples: int) -> None:
    pcm, at = recorded(), 50 * FRAME
    lost = np.concatenate([pcm[:at], pcm[at + samples :]])
    repeated = np.concatenate([pcm[:at], pcm[at - samples : at], pcm[at:]])
    assert damaged_frames(lost, HZ).damaged == 1
    assert damaged_frames(repeated, HZ).damaged >= 1


def test_silence_is_nothing_whole_and_an_unfit_tone_is_refused() -> None:
    assert damaged_frames(np.zeros(8000, np.int16), HZ) == Frames(0, 0)
    assert damaged_frames(np.zeros(0, np.int16), HZ) == Frames(0, 0)
    with pytest.raises(ValueError, match="whole periods"):
        damaged_frames(recorded(), 400)


def test_waits_are_counted_from_the_first_invite_to_the_200() -> None:
    def line(at: float, way: str, call: str, cseq: str, first: str) -> str:
        return f"2026-11-24\t05:06:31\t{at:.6f}\t{way}\t{call}\tCSeq:{cseq}\t{first}\n"

    trace = line(100.000, "S", "a", "1 INVITE", "INVITE sip:x SIP/2.0")
    trace += line(100.001, "R", "a", "1 INVITE", "SIP/2.0 100 Trying")
    trace += line(100.500, "S", "a", "1 INVITE", "INVITE sip:x SIP/2.0")
    trace += line(100.600, "S", "b", "1 INVITE", "INVITE sip:x SIP/2.0")
    trace += line(100.612, "R", "b", "1 INVITE", "SIP/2.0 200 OK")
    trace += line(100.750, "R", "a", "1 INVITE", "SIP/2.0 200 OK")
    trace += line(109.000, "R", "a", "2 BYE", "SIP/2.0 200 OK")
    trace += line(110.000, "S", "c", "1 INVITE", "INVITE sip:x SIP/2.0")
    assert invite_to_ms(trace, 200) == pytest.approx([12.0, 750.0])
    assert invite_to_ms(trace, 100) == pytest.approx([1.0])


def test_processes_are_read_whatever_their_name() -> None:
    stat = "42 (a) (b c) S 7 42 42 0 -1 4194560 900 0 0 0 150 50 9 9 20 0 1 0 100"
    assert processes.Stat.parse(stat) == processes.Stat(7, 200 / processes.TICKS_PER_S)


def test_descendants_are_children_and_their_children_only() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 13: 11, 20: 1}
    found = processes.descendants({pid: processes.Stat(p, 0.0) for pid, p in parents.items()}, 10)
    assert found == {11, 12, 13}


def test_memory_is_the_proportional_set() -> None:
    assert (
        processes.pss_kib("55d0-7ffe ---p 00 00:00 0 [rollup]\nRss: 9000 kB\nPss: 4321 kB\nPss_Anon: 1 kB\n")
        == 4321
    )
    with pytest.raises(ValueError, match="Pss"):
        processes.pss_kib("Rss: 1 kB\n")


def test_waiting_for_disks_is_not_busy() -> None:
    before, after = "cpu  100 0 50 800 50 0 0 0 0 0\n", "cpu  130 0 60 840 70 0 0 0 0 0\n"
    assert processes.busy_share(before, after) == pytest.approx(0.4)


def test_the_machine_is_named() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n") == "Some CPU @ 2 GHz"
    assert cpu_model("processor\t: 0\n") != ""


def test_the_page_has_every_level_and_the_state_of_the_machine() -> None:
    where = Machine(
        "2026-11-24 05:00 UTC", "Some CPU", 2, 4.0, "6.1", "3.11", "2.15", "v3.6.1", (0.5, 0.4, 0.3), 71.0
    )
    spread = Spread(10, 6.5, 12.5, 13.5, 14.0)
    level = Level(25, 0.2, 0.6, 0.0025, 0.5, 89.0, 6.3, spread, spread, spread, 25, 900.0, Frames(9000, 4))
    page = report.section(where, Plan(), [level], "make bench", "At 50 calls at once: one was lost")
    assert "At 50 calls at once: one was lost\n\n25 recordings" in page
    row = next(line for line in page.splitlines() if line.startswith("| 25 |"))
    for figure in ("0.20 + 0.60 = 0.80", "0.25", "50%", "89", "6.3", "6.5 / 12.5 / 13.5", "4 of 9000"):
        assert f"| {figure} |" in row
    assert "0.50 / 0.40 / 0.30" in page
    assert "`make bench`" in page
    assert len(row.split("|")) == len(report.HEADINGS) + 2


def test_a_rate_has_a_figure_for_each_heading() -> None:
    spread = Spread(10, 6.5, 12.5, 13.5, 14.0)
    (row,) = rate.rows([rate.Rate(5, 100, spread, spread, 61.4, 0.27, 0.12)])
    assert row == ("5", "100", "6.5 / 12.5 / 13.5", "6.5 / 12.5 / 13.5", "61", "27%", "0.1")
    assert len(row) == len(rate.HEADINGS)


def test_a_section_replaces_its_own_and_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    put(file, "archive", "## Archive\n\n| 1 |")
    put(file, "calls", "## Calls")
    put(file, "archive", "## Archive\n\n| 2 |")
    text = file.read_text(encoding="utf-8")
    assert sections(text) == {"calls": "## Calls", "archive": "## Archive\n\n| 2 |"}
    assert text.index("## Calls") < text.index("## Archive")


def test_every_section_that_can_be_measured_is_on_the_page() -> None:
    page = Path(__file__).parents[1] / "docs/performance.md"
    assert set(RUNS) <= set(sections(page.read_text(encoding="utf-8"))) <= set(SECTIONS)


def test_the_archive_says_which_targets_were_missed() -> None:
    fast = {"median_ms": 4.0, "p95_ms": 6.0, "worst_ms": 9.0, "peak_mib": 90.0, "loop_ms": 70.0}
    preview = {"seconds": 40.0, "looked_at": 1000, "peak_mib": 92.0, "loop_ms": 71.0}
    sweep = {"seconds": 12.0, "files_s": 2.0, "erased": 20_000, "peak_mib": 110.0, "loop_ms": 72.0}
    sweep["rates"] = [1900, 2000, 1800]
    good = archive.Figures("SQLite", 1000, {"why": fast, "number": fast, "preview": preview, "sweep": sweep})
    slow = archive.Figures(
        "PostgreSQL",
        1000,
        {
            "why": {**fast, "p95_ms": 80.0},
            "number": fast,
            "preview": {**preview, "seconds": 61.0},
            "sweep": {**sweep, "erased": 900},
        },
    )
    assert archive.per_second(sweep) == 2000
    assert archive.missed([good]) == []
    assert [each.split(": ")[1].split()[0:2] for each in archive.missed([slow])] == [
        ["a", "lookup"],
        ["the", "preview"],
        ["the", "sweep"],
    ]
    row = archive.rows([good])[0]
    assert row[2] == "4.0 / 6.0 / 9.0" and row[5] == "2,000" and row[7] == "90 / 90 / 92 / 110"
    assert len(row) == len(archive.HEADINGS)


def test_the_peak_is_that_of_the_process() -> None:
    assert peak_mib("Name:\tx\nVmPeak:\t  9000 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 5 kB\n") == 2.0
    with pytest.raises(ValueError, match="VmHWM"):
        peak_mib("VmRSS:\t 5 kB\n")
