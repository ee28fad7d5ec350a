"""Sound in ffmpeg-python's graphs: opening a file, and hanging filters one behind the other.

Pure. Doesn't belong here: which filters (shape.py), encoders (encoder.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from telecine.demux import input_args
from telecine.sound.shape import Filter

Stream = Any  # ffmpeg-python has no types


def opened(source: Path) -> Stream:
    """A stranger's file as an input, with its guards."""
    *options, _, name = input_args(source)
    return ffmpeg.input(name, **{key.removeprefix("-"): value for key, value in _pairs(options)})


def filtered(stream: Stream, filters: Iterable[Filter]) -> Stream:
    """A stream behind filters."""
    for name, options in filters:
        stream = stream.filter(name, **options)
    return stream


def graph_words(outputs: Sequence[Stream], prefix: str) -> list[str]:
    """`-filter_complex` and what follows it, for outputs of one graph.

    ffmpeg-python takes equal filters behind one input for the same one, and numbers links from 0: so each graph is
    built alone, and `prefix` keeps its links apart from those of the graphs beside it.
    """
    words: list[str] = ffmpeg.get_args(ffmpeg.merge_outputs(*outputs))
    words = words[words.index("-filter_complex") :]
    return [re.sub(r"\[s(\d+)\]", rf"[{prefix}\1]", word) for word in words]


def spelled(one: Filter) -> str:
    """A filter of words and numbers as ffmpeg reads it in a chain."""
    name, options = one
    return f"{name}={':'.join(f'{key}={value}' for key, value in options.items())}"


def branches(stream: Stream, takers: int) -> list[Stream]:
    """One stream for several takers: split only when there is more than one."""
    if takers == 1:
        return [stream]
    split = stream.filter_multi_output("asplit", takers)
    return [split[number] for number in range(takers)]


def _pairs(words: Sequence[str]) -> Iterable[tuple[str, str]]:
    return zip(words[::2], words[1::2], strict=True)
