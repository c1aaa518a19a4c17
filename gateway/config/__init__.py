"""config.yaml and the environment as checked, typed settings; every mistake at once."""

from gateway.config.kinds import host_port, listener, to_dataclass
from gateway.config.mistakes import ConfigError, Mistake
from gateway.config.sections import ConfigFile
from gateway.config.settings import Settings

__all__ = ["ConfigError", "ConfigFile", "Mistake", "Settings", "host_port", "listener", "to_dataclass"]
