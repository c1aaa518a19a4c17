"""The call flow as pure code: events in, actions out. Standard library only."""
