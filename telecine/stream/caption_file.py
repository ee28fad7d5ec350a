"""Caption files of every text format, read into WebVTT's cues.

Belongs here: a stranger's bytes, and (Sub Station) ASS. Players show what WebVTT can say: bold, italic, underlined, and
text at the top; fonts, colours and drawings are left out. Doesn't belong here: WebVTT and SubRip themselves (webvtt.py,
subrip.py), where the files come from (telecine/sidecar.py, telecine/video/captions.py).
"""

from __future__ import annotations

import re
from pathlib import Path

import pysubs2
from pysubs2.formats.substation import parse_tags

from telecine.stream import subrip, webvtt
from telecine.stream.webvtt import AT_TOP, CaptionFault, Captions, Cue, marked

MAX_BYTES = 10_000_000  # a caption file of a long film has 200 kB
FORMATS = ("vtt", "srt", "ass")
_AN = re.compile(r"\\an([1-9])")


def read(path: Path, format_: str) -> tuple[Captions, tuple[str, ...]]:
    """The cues of a caption file, and sentences about what had to be guessed.

    Args:
        format_: one of `FORMATS`.

    Raises:
        CaptionFault: naming the line and the reason.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise CaptionFault(1, f"the file has more than {MAX_BYTES:,} bytes")
    text, warnings = _decoded(path.read_bytes(), format_)
    if format_ == "vtt":
        return webvtt.parse(text), warnings
    cues = subrip.parse(text) if format_ == "srt" else _ass(text)
    return Captions(tuple(sorted(cues, key=lambda cue: cue.start_s))), warnings


def _ass(text: str) -> tuple[Cue, ...]:
    if "[Events]" not in text:
        raise CaptionFault(1, "an ASS file has a section [Events]")
    try:
        subtitles = pysubs2.SSAFile.from_string(text, "ass")
    except (pysubs2.Pysubs2Error, ValueError, IndexError, OverflowError) as e:
        raise CaptionFault(1, f"not readable as ASS: {e}") from e
    return tuple(cue for event in subtitles.get_text_events() if (cue := _cue(event, subtitles)) is not None)


def _decoded(data: bytes, format_: str) -> tuple[str, tuple[str, ...]]:
    """The text: UTF-8, or UTF-16 that says so; old SubRip files are taken for Windows-1252."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    warnings: tuple[str, ...] = ()
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        if format_ == "vtt" or encoding == "utf-16":
            raise CaptionFault(line, "the bytes are not UTF-8 text") from None
        text = data.decode("cp1252", "replace")
        warnings = (f"line {line} isn't UTF-8: the file was read as Windows-1252",)
    if "\0" in text:
        raise CaptionFault(text.count("\n", 0, text.index("\0")) + 1, "the file is not text")
    return re.sub(r"\r\n?", "\n", text), warnings


def _cue(event: pysubs2.SSAEvent, subtitles: pysubs2.SSAFile) -> Cue | None:
    """A cue; None when nothing of it is text."""
    style = subtitles.styles.get(event.style, pysubs2.SSAStyle.DEFAULT_STYLE)
    plain = event.text.replace(r"\h", " ").replace(r"\n", "\n").replace(r"\N", "\n")
    text = ""
    for fragment, look in parse_tags(plain, style, subtitles.styles):
        words = "" if look.drawing else fragment
        text += marked(words, bold=look.bold, italic=look.italic, underline=look.underline)
    text = re.sub(r"\n\s*\n+", "\n", text.strip())  # a blank line would end the cue
    named = _AN.findall(event.text)
    top = (int(named[-1]) if named else int(style.alignment)) >= 7
    if not text or event.end <= event.start:
        return None
    return Cue(event.start / 1000, event.end / 1000, text, AT_TOP if top else "")
