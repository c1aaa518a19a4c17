"""The retention policy as pure code: clocks, grounds, events, access. Standard library only."""
