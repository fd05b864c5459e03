"""The resolved configuration of a job: defaults, then a TOML file, then the command line."""

from clvmodels.config.job import JobConfig, resolve_config

__all__ = ["JobConfig", "resolve_config"]
