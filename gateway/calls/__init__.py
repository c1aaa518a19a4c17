"""Runs live calls: drives the pure flow with a line, storage and capture. Knows no vendor."""
