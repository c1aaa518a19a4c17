"""Rehearsal: a scenario's story through the call flow and the policy, on a clock that jumps.

No network, no audio, no database: the same pure `gateway.callflow` and `storage.policy` that the
live gateway runs, joined here as the gateway joins them.
"""
