"""Load on real SIP and RTP, and what it costs: `python -m benchmarks` writes `docs/performance.md`."""
