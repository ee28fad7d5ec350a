"""The one process runner: every external program Telecine starts, it starts through `run`."""

from telecine.process.ceiling import Ceiling, ambient, under
from telecine.process.runner import Finished, Limits, run
from telecine.process.together import together

__all__ = ["Ceiling", "Finished", "Limits", "ambient", "run", "together", "under"]
