"""The captions of a video: which tracks and files are used, and how they come onto the clock of its streams.

Belongs here: choosing (pure) and extracting. Doesn't belong here: text formats (telecine/stream), finding files beside
a source (telecine/sidecar.py). Source: ffmpeg-codecs(1) (subtitle encoders), ffmpeg(1) -copyts.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from telecine.demux import input_args
from telecine.errors import ErrorCode, InputError, NotOurs, TelecineError
from telecine.probe import MediaFacts, SubtitleFacts
from telecine.process import Limits, run
from telecine.stream import caption_file
from telecine.stream.tracks import Rendition, Text, labelled, language_tag
from telecine.stream.webvtt import CaptionFault, on_clock
from telecine.tools import ffmpeg_path
from telecine.video.timing import Timing

# How ffmpeg writes each kind of text track, so that nothing of it is lost on the way, and what comes out.
_TEXT = {
    "subrip": ("copy", "srt"),
    "webvtt": ("copy", "vtt"),
    "ass": ("copy", "ass"),
    "ssa": ("copy", "ass"),
    "mov_text": ("srt", "srt"),
    "text": ("srt", "srt"),
}
_MUXER = {"srt": "srt", "vtt": "webvtt", "ass": "ass"}
_CLOSED = (
    "The picture carries closed captions (CEA-608 or CEA-708), which are not among the captions: only text tracks and "
    "files beside the source can be."
)
_PICTURES = {"hdmv_pgs_subtitle": "PGS", "dvb_subtitle": "DVB", "dvd_subtitle": "VobSub", "xsub": "XSUB"}


@dataclass(frozen=True, slots=True)
class CaptionFile:
    """A caption file that was found beside the source.

    Attributes:
        name: what people call it.
        path: where it lies in scratch.
        format: one of `telecine.stream.caption_file.FORMATS`.
        language: as its name says it; None when it doesn't.
    """

    name: str
    path: str
    format: str
    language: str | None = None
    forced: bool = False
    sdh: bool = False


@dataclass(frozen=True, slots=True)
class Caption:
    """One track of captions to make.

    Attributes:
        origin: for messages.
        index: stream index in the source; None for a file.
        path: of a file in scratch; None for a stream.
    """

    rendition: Rendition
    format: str
    origin: str
    index: int | None = None
    path: str | None = None


def readable(files: Sequence[CaptionFile], *, required: bool) -> tuple[tuple[CaptionFile, ...], tuple[str, ...]]:
    """The files whose cues can be read, and a sentence about each other one.

    Raises:
        InputError: INVALID_CAPTIONS, naming file, line and reason, when captions are required.
    """
    good: list[CaptionFile] = []
    warnings: list[str] = []
    for file in files:
        try:
            _, said = caption_file.read(Path(file.path), file.format)
        except CaptionFault as e:
            if required:
                raise InputError(ErrorCode.INVALID_CAPTIONS, f"{file.name}, {e}") from e
            warnings.append(f"Captions {file.name} were left out: {e}.")
        else:
            good.append(file)
            warnings += [f"Captions {file.name}: {sentence}." for sentence in said]
    return tuple(good), tuple(warnings)


def plan_captions(
    subtitles: Sequence[SubtitleFacts], files: Sequence[CaptionFile], *, closed: bool = False
) -> tuple[tuple[Caption, ...], tuple[str, ...]]:
    """The captions to make, and sentences about tracks that can't be.

    A file replaces a track of the same language and kind; of two tracks alike both stay.

    Args:
        closed: whether the picture carries captions in its bitstream.
    """
    chosen: list[tuple[Caption, str | None]] = []
    warnings = [_CLOSED] if closed else []
    for file in files:
        role = _role(file.forced, file.sdh)
        rendition = Rendition("", language_tag(file.language), role=role)
        chosen.append((Caption(rendition, file.format, file.name, path=file.path), None))
    places = {(c.rendition.language, c.rendition.role) for c, _ in chosen}
    for track in subtitles:
        name = f"Subtitle track {track.index} ({track.language or 'no language'})"
        if track.codec not in _TEXT:
            kind = _PICTURES.get(track.codec)
            what = f"holds pictures ({kind})" if kind else f"is of a kind that can't be read ({track.codec})"
            warnings.append(f"{name} {what} and is not among the captions: only text can be.")
            continue
        rendition = Rendition("", language_tag(track.language), role=_role(track.forced, track.hearing_impaired))
        if (rendition.language, rendition.role) in places:
            warnings.append(f"{name} was replaced by the caption file beside the source.")
        else:
            chosen.append((Caption(rendition, _TEXT[track.codec][1], name, index=track.index), track.title))
    renditions = labelled([c.rendition for c, _ in chosen], [title for _, title in chosen])
    return _named([replace(c, rendition=r) for (c, _), r in zip(chosen, renditions, strict=True)]), tuple(warnings)


def extract_argv(
    ffmpeg: Path, captions: Sequence[Caption], subtitles: Sequence[SubtitleFacts], source: Path
) -> list[str]:
    """One ffmpeg for all text tracks; the files are named in `extracted`. Their times stay those of the container."""
    codecs = {track.index: _TEXT[track.codec][0] for track in subtitles if track.codec in _TEXT}
    argv = [str(ffmpeg), "-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-copyts", *input_args(source)]
    for caption in captions:
        if caption.index is not None:
            argv += ["-map", f"0:{caption.index}", "-c:s", codecs[caption.index], "-avoid_negative_ts", "disabled"]
            argv += ["-f", _MUXER[caption.format], extracted(caption)]
    return argv


def extracted(caption: Caption) -> str:
    """File name of a text track in the working directory."""
    return f"{caption.rendition.name}.{caption.format}"


def make_captions(
    captions: Sequence[Caption],
    facts: MediaFacts,
    clock: Timing,
    source: Path,
    work: Path,
    cancel: threading.Event,
) -> tuple[tuple[Text, ...], tuple[str, ...]]:
    """The captions on the clock of the streams, and sentences about what can't be read after all.

    Raises:
        NotOurs: canceled.
    """
    warnings: list[str] = []
    embedded = [caption for caption in captions if caption.index is not None]
    if embedded:
        argv = extract_argv(ffmpeg_path(), embedded, facts.subtitles, source)
        try:
            run(argv, cwd=work, limits=Limits(wall_s=1800), cancel=cancel)
        except NotOurs:
            raise
        except TelecineError as e:
            warnings.append(f"The subtitle tracks can't be read: {e.message}.")
    texts: list[Text] = []
    for caption in captions:
        path = Path(caption.path) if caption.path is not None else work / extracted(caption)
        if not path.is_file():
            continue
        # A track's times are the container's; people time a file from the moment that a player shows as 0:00.
        shift = -facts.begin_s if caption.index is not None else -clock.shift_s
        try:
            cues, _ = caption_file.read(path, caption.format)
        except CaptionFault as e:
            warnings.append(f"{caption.origin} can't be read and was left out: {e}.")
            continue
        shown = on_clock(cues, shift, clock.duration_s)
        if lost := len(cues.cues) - len(shown.cues):
            warnings.append(f"{caption.origin}: {lost} of {len(cues.cues)} captions lie outside the video.")
        texts.append(Text(caption.rendition, shown))
    return tuple(texts), tuple(warnings)


def _role(forced: bool, sdh: bool) -> str:
    return "forced-subtitle" if forced else "caption" if sdh else "subtitle"


def _named(captions: Sequence[Caption]) -> tuple[Caption, ...]:
    """Names for directories and playlists: captions-en, captions-en-sdh, captions-en-2."""
    kinds = {"subtitle": "", "caption": "-sdh", "forced-subtitle": "-forced"}
    seen: Counter[str] = Counter()
    names: list[str] = []
    for caption in captions:
        name = f"captions-{caption.rendition.language.lower()}{kinds[caption.rendition.role]}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return tuple(replace(c, rendition=replace(c.rendition, name=name)) for c, name in zip(captions, names, strict=True))
