"""One target a file: `run(data)` takes any bytes and raises when a promise of what it runs is broken."""
