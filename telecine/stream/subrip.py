"""SubRip, read into WebVTT's cues, its words kept to the letter.

Nobody ever wrote SubRip down: what is read here is what players agree on. A cue is a number, a line of times, and text
up to the next cue; of its markup, bold, italic, underlined and "at the top" are what WebVTT can say, fonts and other
overrides (`{\\...}`) are left out, and everything else is text. Doesn't belong here: bytes and encodings
(caption_file.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from telecine.stream.webvtt import AT_TOP, CaptionFault, Cue, marked

_TIME = r"\d{1,2}:\d{1,2}:\d{1,2}[,.]\d{1,3}"
_TIMES = re.compile(rf"^\s*({_TIME})\s*-->\s*({_TIME})(?:\s+[XY][12]:\d+.*)?\s*$")
_MARKUP = re.compile(r"(</?[biu]>|</?(?:font|s|strike)(?:\s[^<>]*)?>|<br\s*/?>|\{\\[^{}]*\})", re.IGNORECASE)
_PLACE = re.compile(r"\\an([1-9])")
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]+\d*);", re.IGNORECASE)


def parse(text: str) -> tuple[Cue, ...]:
    """The cues in their order.

    Args:
        text: with `\\n` at the ends of lines.

    Raises:
        CaptionFault: naming the line and the reason.
    """
    lines = text.split("\n")
    at = [number for number, line in enumerate(lines) if "-->" in line]
    _check_before(lines[: at[0]] if at else [])
    if not at:
        raise CaptionFault(1, "no line of times (00:00:01,000 --> 00:00:04,000)")
    cues = []
    for number, following in zip(at, [*at[1:], None], strict=True):
        start, end = _times(number + 1, lines[number])
        said = lines[number + 1 : following]
        if following is not None and said and said[-1].strip().isdigit():
            del said[-1]  # the number of the next cue
        words = "\n".join(said)
        shown = _shown(words)
        if shown and end > start:
            cues.append(Cue(start, end, shown, AT_TOP if _at_top(words) else ""))
    return tuple(cues)


def _check_before(lines: list[str]) -> None:
    """Refuse what stands before the first cue and isn't its number."""
    last = ""
    for number, line in enumerate(lines, 1):
        if line.strip() and (not line.strip().isdigit() or last):
            raise CaptionFault(number, f"text before the first line of times: {line.strip()[:60]!r}")
        last = line.strip()


def _times(number: int, line: str) -> tuple[float, float]:
    found = _TIMES.match(line)
    if found is None:
        raise CaptionFault(number, f"not the times of a cue (00:00:01,000 --> 00:00:04,000): {line.strip()[:60]!r}")
    start, end = (_seconds(time) for time in found.groups())
    if end < start:
        raise CaptionFault(number, "the cue ends before it starts")
    return start, end


def _seconds(time: str) -> float:
    hours, minutes, seconds = time.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _at_top(words: str) -> bool:
    named = [place for markup in _MARKUP.findall(words) for place in _PLACE.findall(markup)]
    return bool(named) and int(named[-1]) >= 7  # the numbers of a keypad


def _shown(words: str) -> str:
    """The text as WebVTT has it, without blank lines: one would end the cue."""
    text = re.sub(r"\r\n?", "\n", "".join(_runs(words.strip())))
    return re.sub(r"\n\s*\n+", "\n", text.strip())


def _runs(words: str) -> Iterator[str]:
    """Stretches of one look, marked as such: tags that cross or are never closed do no harm."""
    look: set[str] = set()
    for part in _MARKUP.split(words):
        tag = part.lower()
        if not _MARKUP.fullmatch(part):
            plain = _ENTITY.sub(lambda entity: unescape(entity[0]), part)
            yield marked(plain, bold="b" in look, italic="i" in look, underline="u" in look)
        elif tag.startswith("<br"):
            yield "\n"
        elif tag.startswith("</"):
            look.discard(tag[2:-1])
        else:
            look.add(tag[1:-1])
