"""Gathering the outputs of one file, where one that can't be made doesn't cost the others.

Belongs here: which errors stay with one output. Doesn't belong here: making anything.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from telecine.artifact import Artifact, OutputFailure
from telecine.errors import ErrorCode, NotOurs, ResourceError, Retry, SystemFault, TelecineError
from telecine.video.missing import Place

# What our readers of playlists, manifests and MP4s raise when a program left them unfinished or wrong.
_UNREADABLE = (ValueError, LookupError, SyntaxError, ArithmeticError)


@dataclass
class Gathering:
    """What was made so far, and what couldn't be.

    Attributes:
        warnings: sentences for the manifest.
        streams: what verifying each stream said, by asset; for Dagster only.
    """

    artifacts: list[Artifact] = field(default_factory=list)
    failures: list[OutputFailure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)

    @contextmanager
    def output(self, *places: Place) -> Iterator[None]:
        """What goes wrong in the block is the failure of these outputs.

        Raises:
            NotOurs: canceled or fenced: nothing may go on.
        """
        try:
            yield
        except NotOurs:
            raise
        except TelecineError as e:
            self._failed(places, e)
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                self._failed(places, ResourceError(ErrorCode.DISK_FULL, "the scratch disk is full", repr(e)))
            else:
                self._failed(places, SystemFault(ErrorCode.SCRATCH_FAILED, f"a working file failed: {e}", _tail()))
        except _UNREADABLE as e:
            self._failed(places, SystemFault(ErrorCode.VERIFY_FAILED, f"what was made can't be read: {e}", _tail()))

    def check(self) -> None:
        """Nothing, when there is anything to publish.

        Raises:
            TelecineError: every output failed: what another attempt may make good, or else the first failure.
        """
        if self.failures and not self.artifacts:
            errors = [failure.error for failure in self.failures]
            raise next((e for e in errors if e.retry is not Retry.NEVER), errors[0])

    def _failed(self, places: tuple[Place, ...], error: TelecineError) -> None:
        self.failures += [OutputFailure(asset, name, error) for asset, name in places]


def _tail() -> str:
    return traceback.format_exc()[-8_000:]
