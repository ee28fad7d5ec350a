"""The one process runner: every external program Telecine starts, it starts through `run`."""

from telecine.process.runner import Finished, Limits, run

__all__ = ["Finished", "Limits", "run"]
