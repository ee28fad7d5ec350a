"""Asking ffprobe about a stranger's file: it opens every track's decoder first, and gives up when it may not.

Belongs here: running it so that a track of an unlisted codec doesn't cost the tracks beside it. Doesn't belong here:
which codecs are listed (telecine/demux.py), what is asked (headers.py, scan.py, frames.py).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from telecine.demux import input_args
from telecine.errors import InputError
from telecine.process import Finished, Limits, run
from telecine.tools import ffprobe_path

_UNLISTED = re.compile(r"Codec \(([\w.-]+)\) not on whitelist")
_MOST = 16  # unlisted codecs of one file


def ffprobe(
    words: Sequence[str],
    path: Path,
    *,
    limits: Limits,
    cancel: threading.Event | None = None,
    on_line: Callable[[str], bool] | None = None,
    far: bool = False,
) -> Finished:
    """What ffprobe says of a file.

    Decoders that aren't listed are opened but get no data: for each kind of track the codec's own list is longer, the
    list of the container, which decides what is decoded to find parameters (avformat_find_stream_info), is not.

    Args:
        words: options, without the input.
        far: see `input_args`.

    Raises:
        TelecineError: what `telecine.process.run` raises.
    """
    opened: list[str] = []
    while True:
        argv = [str(ffprobe_path()), *words, *input_args(path, opened=opened, far=far)]
        try:
            return run(argv, limits=limits, cancel=cancel, on_line=on_line)
        except InputError as e:
            found = [name for name in dict.fromkeys(_UNLISTED.findall(e.details or "")) if name not in opened]
            if not found or len(opened) >= _MOST:
                raise
            opened += found
