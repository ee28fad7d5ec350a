"""Reading a WebVTT segment: its header, its X-TIMESTAMP-MAP and when its cues are shown.

Source: WebVTT (W3C), RFC 8216 section 3.5. Doesn't belong here: making subtitles (telecine/stream/captions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from telecine.stream.verify.window import Broken

_HEADER = re.compile(r"\ufeff?WEBVTT(?:[ \t].*)?$")
_MAP = re.compile(r"X-TIMESTAMP-MAP=(?=.*MPEGTS:(\d+))(?=.*LOCAL:([\d:.]+))")
_TIME = re.compile(r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})$")


@dataclass(frozen=True, slots=True)
class Captions:
    """A segment's cues, seconds on its own clock.

    Attributes:
        map: MPEG-TS ticks and local seconds that are the same instant; None without the header.
    """

    map: tuple[int, float] | None
    cues: tuple[tuple[float, float], ...]


def read_webvtt(data: bytes) -> Captions:
    """A WebVTT segment.

    Raises:
        Broken: naming the line.
    """
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as e:
        raise Broken(f"isn't UTF-8: {e.reason} at byte {e.start}") from e
    if not lines or not _HEADER.match(lines[0]):
        raise Broken("doesn't begin with WEBVTT")
    cues, found, in_header = [], None, True
    for number, line in enumerate(lines[1:], start=2):
        in_header = in_header and bool(line)
        if in_header and (match := _MAP.match(line)):
            found = int(match[1]), _seconds(match[2], number)
        if "-->" in line:
            begin, _, rest = line.partition("-->")
            times = _seconds(begin.strip(), number), _seconds(rest.split()[0] if rest.split() else "", number)
            if times[1] < times[0]:
                raise Broken(f"line {number}: a cue ends before it begins")
            cues.append(times)
    return Captions(found, tuple(cues))


def _seconds(text: str, line: int) -> float:
    match = _TIME.match(text)
    if match is None:
        raise Broken(f"line {line}: no time: {text[:40]!r}")
    hours, minutes, seconds, thousandths = (int(part or 0) for part in match.groups())
    return (hours * 60 + minutes) * 60 + seconds + thousandths / 1000
