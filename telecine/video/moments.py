"""Finding the good moments of a video: candidates from all over it, rated by how they look.

Belongs here: looking through a video once for all pictures that are chosen for content. Doesn't belong here: the
ratings (frame_score.py), or taking the pictures (still.py, preview.py).
"""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path

import numpy as np

from telecine.video.candidates import candidates
from telecine.video.frame_command import Footage
from telecine.video.frame_score import Look, choose, look_at
from telecine.video.plan import VideoPlan
from telecine.video.still_plan import fitted

_CANDIDATES, _CANDIDATES_EACH = 40, 5  # in all at least, and for each picture
_MOST_CANDIDATES = 150
_FIRST, _LAST = 0.04, 0.9  # of the duration: before and behind are logos, titles and credits
_SHORT_S = 8.0  # a clip this short has neither
_PROXY = (320, 320)  # what is looked at


class Moments:
    """The good moments of one video; it is looked through when the first one is asked for."""

    def __init__(
        self, plan: VideoPlan, footage: Footage, work: Path, cancel: threading.Event, *, pictures: int = 1
    ) -> None:
        """
        Args:
            footage: cheap to look through.
            work: an existing directory for working files.
            pictures: the most moments that will be asked for at once.
        """
        self._plan, self._footage, self._work, self._cancel = plan, footage, work, cancel
        self._candidates = min(_MOST_CANDIDATES, max(_CANDIDATES, pictures * _CANDIDATES_EACH))

    def best(self, count: int) -> list[int]:
        """Numbers of the output frames that make the best pictures, in order of time; never empty.

        Where there aren't enough good frames the rest is spread evenly.
        """
        chosen = choose(self.looks, count)
        last = self._plan.timing.frames - 1
        spare = (round(last * (n + 0.5) / count) for n in range(count))
        while len(chosen) < count:
            chosen.append(next(spare))
        return sorted(chosen)

    @cached_property
    def looks(self) -> list[Look]:
        """What the candidates look like, in order of time."""
        duration = self._plan.timing.duration_s
        short = duration <= _SHORT_S
        first_s, last_s = (0.0, duration) if short else (duration * _FIRST, duration * _LAST)
        found = candidates(
            self._plan,
            self._footage,
            first_s=first_s,
            last_s=last_s,
            count=self._candidates,
            scaled=fitted(self._plan.video.displayed_size, _PROXY),
            work=self._work,
            cancel=self._cancel,
        )
        return [look_at(frame, np.asarray(image)) for frame, image in found]
