"""WebVTT: cues read strictly, written whole, and cut into the segments of a stream.

Belongs here: the text format. Doesn't belong here: other formats (caption_file.py), playlists and manifests. Sources:
W3C WebVTT section 4 (syntax), RFC 8216 section 3.5 (segments and X-TIMESTAMP-MAP).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape

AT_TOP = "line:0"  # the settings of a cue that isn't to be shown at the bottom
_TIME = r"(?:(\d+):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMES = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(?:\s+(.*\S))?\s*$")
_BREAK = re.compile(r"\r\n|\r|\n")
_CLOCK = 90_000  # ticks a second of MPEG-2's clock


class CaptionFault(ValueError):
    """A caption file is wrong: the line (counted from 1) and what about it."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


@dataclass(frozen=True, slots=True)
class Cue:
    """One text and when it is shown.

    Attributes:
        start_s, end_s: seconds on the stream's clock.
        text: the payload as WebVTT has it: `&`, `<` and `>` escaped, without blank lines.
        settings: position and alignment as WebVTT writes them, or "".
    """

    start_s: float
    end_s: float
    text: str
    settings: str = ""
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Captions:
    """Cues in order of their start; `head` holds STYLE and REGION blocks, which every segment needs."""

    cues: tuple[Cue, ...]
    head: tuple[str, ...] = ()


def parse(text: str) -> Captions:
    """A WebVTT document.

    Raises:
        CaptionFault: where a player would drop or garble something.
    """
    lines = _BREAK.split(text)
    if not re.match(r"^WEBVTT(?:[ \t].*)?$", lines[0]):
        raise CaptionFault(1, "a WebVTT file starts with the word WEBVTT")
    cues: list[Cue] = []
    head: list[str] = []
    blocks = _blocks(lines)
    for first, block in blocks[1:]:
        if block[0].startswith(("STYLE", "REGION")) and not cues and "-->" not in block[0]:
            head.append("\n".join(block))
        elif not re.match(r"^NOTE(?:\s|$)", block[0]):
            cues.append(_cue(first, block))
    if any("-->" in line for line in blocks[0][1]):
        raise CaptionFault(2, "a blank line is missing after WEBVTT")
    return Captions(tuple(sorted(cues, key=lambda cue: cue.start_s)), tuple(head))


def marked(words: str, *, bold: bool = False, italic: bool = False, underline: bool = False) -> str:
    """Plain words as a payload has them: escaped, and said how they look."""
    text = escape(words, quote=False)
    for tag, on in (("u", underline), ("i", italic), ("b", bold)):
        text = f"<{tag}>{text}</{tag}>" if on and text.strip() else text
    return text


def on_clock(captions: Captions, shift_s: float, duration_s: float) -> Captions:
    """The cues that are shown within a stream, moved by `shift_s` and cut at its beginning and end."""
    moved = (replace(cue, start_s=cue.start_s + shift_s, end_s=cue.end_s + shift_s) for cue in captions.cues)
    cut = (replace(cue, start_s=max(0.0, cue.start_s), end_s=min(duration_s, cue.end_s)) for cue in moved)
    # A thousandth of a second is all that a time stamp can tell.
    return replace(captions, cues=tuple(cue for cue in cut if cue.end_s - cue.start_s >= 0.001))


def render(captions: Captions) -> str:
    """The whole document, for DASH and for downloads."""
    return _document("WEBVTT", captions.head, captions.cues)


def segments(captions: Captions, durations_s: Sequence[float], first_pts_s: float = 0.0) -> Iterable[str]:
    """One document for each segment of a stream, empty where nothing is said.

    A cue is repeated, with the same times, in every segment that it reaches into: a player that starts there has to
    show it, and one that comes from before knows it already.

    Args:
        durations_s: of the stream's segments, which begin at 0.
        first_pts_s: the time stamp with which the stream's media begin.
    """
    header = f"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{round(first_pts_s * _CLOCK)},LOCAL:00:00:00.000"
    start = 0.0
    for duration in durations_s:
        end = start + duration
        yield _document(header, captions.head, [c for c in captions.cues if c.start_s < end and c.end_s > start])
        start = end


def _blocks(lines: Sequence[str]) -> list[tuple[int, list[str]]]:
    """Runs of lines that aren't blank, each with the number of its first line.

    A line of spaces is text, unless a cue follows: it was meant to be blank then.
    """
    blocks: list[tuple[int, list[str]]] = []
    fresh = True
    for number, line in enumerate(lines, 1):
        if not line or (not line.strip() and (fresh or _begins_cue(lines[number : number + 2]))):
            fresh = True
        elif fresh:
            blocks.append((number, [line]))
            fresh = False
        else:
            blocks[-1][1].append(line)
    return blocks


def _begins_cue(lines: Sequence[str]) -> bool:
    """Whether the first two lines are times, or an identifier and times."""
    return any("-->" in line for line in lines[: 2 if lines and lines[0] else 1])


def _cue(first: int, block: Sequence[str]) -> Cue:
    at = 0 if "-->" in block[0] else 1
    if at == len(block) or "-->" not in block[at]:
        raise CaptionFault(first, f"text without a line of times: {block[0][:60]!r}")
    found = _TIMES.match(block[at])
    if found is None:
        raise CaptionFault(first + at, f"not the times of a cue (00:00:01.000 --> 00:00:04.000): {block[at][:60]!r}")
    for more, line in enumerate(block[at + 1 :], at + 1):
        if "-->" in line:
            raise CaptionFault(first + more, "a blank line is missing before these times")
    groups = found.groups()
    start, end = _seconds(groups[:4]), _seconds(groups[4:8])
    if end <= start:
        raise CaptionFault(first + at, "the cue ends before it starts")
    identifier = block[0] if at else ""
    return Cue(start, end, "\n".join(block[at + 1 :]), groups[8] or "", identifier)


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _document(header: str, head: Iterable[str], cues: Iterable[Cue]) -> str:
    return "\n\n".join([header, *head, *(_written(cue) for cue in cues)]) + "\n"


def _written(cue: Cue) -> str:
    times = f"{_clock(cue.start_s)} --> {_clock(cue.end_s)}"
    lines = [cue.identifier, f"{times} {cue.settings}".rstrip(), cue.text]
    return "\n".join(line for line in lines if line)


def _clock(seconds: float) -> str:
    minutes, thousandths = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"
