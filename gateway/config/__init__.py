"""config.yaml and the environment as checked, typed settings; every mistake at once."""

from gateway.config.changes import Change, changes, in_force, prompt_changes
from gateway.config.kinds import host_port, listener, to_dataclass
from gateway.config.mistakes import ConfigError, Mistake
from gateway.config.sections import ConfigFile
from gateway.config.settings import Settings

__all__ = [
    "Change",
    "ConfigError",
    "ConfigFile",
    "Mistake",
    "Settings",
    "changes",
    "host_port",
    "in_force",
    "listener",
    "prompt_changes",
    "to_dataclass",
]
