"""Planning the sound of a video: which tracks, and how they come out.

The main track goes into every output; streams get the other languages, commentaries and audio descriptions beside it.
Pure. Doesn't belong here: ffmpeg's words for it (command.py), audio-only files (audio.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from telecine.probe import AudioFacts, MediaFacts
from telecine.video.ladder import Rung
from telecine.video.voice import STREAM_VOICE, Voice

Role = Literal["main", "alternate", "dub", "commentary", "description", "enhanced-audio-intelligibility", "karaoke"]
"""What a track is for, in the words of ISO/IEC 23009-1 (urn:mpeg:dash:role:2011)."""

MAIN = 0
"""Number of the main track among a plan's sounds."""

_SOUND_RATES = (44_100, 48_000)
_MOST = 16  # tracks of a stream; DVDs have 8, Blu-ray Discs 32


@dataclass(frozen=True, slots=True)
class Sound:
    """One track of a video's sound.

    Attributes:
        number: its place among the plan's sounds; the first is the main one.
        index: stream index in the source.
        channels: of the source.
        known_layout: whether ffmpeg knows which channel is which.
        sample_rate: of the outputs, in Hz.
        voices: one encode each, in order.
        language: BCP 47 or ISO 639-2; None when unknown.
        title: what the source calls it, one short line of printable text; None when it doesn't.
        default: whether players start with it: the main one, and no other.
    """

    number: int
    index: int
    channels: int
    known_layout: bool
    sample_rate: int
    voices: tuple[Voice, ...]
    language: str | None
    title: str | None = None
    default: bool = True
    role: Role = "main"


def plan_sounds(facts: MediaFacts, rungs: tuple[Rung, ...], *, streams: bool) -> tuple[tuple[Sound, ...], list[str]]:
    """The sounds of a video's outputs, and warnings about tracks that are left out; none for a silent one.

    Args:
        streams: whether there are streams, which alone can hold more than one track.
    """
    if facts.audio is None:
        return (), []
    others, warnings = _others(facts.audio, facts.audios) if streams else ([], [])
    voices = tuple(sorted({*([STREAM_VOICE] if streams else []), *(rung.voice for rung in rungs)}))
    main = _sound(MAIN, facts.audio, voices)
    return (main, *(_beside(main, n, track) for n, track in enumerate(others, start=1))), warnings


def needed(sounds: Iterable[Sound], rungs: Iterable[Rung], *, renditions: bool, streams: bool) -> tuple[Sound, ...]:
    """The sounds and their encodes that the wanted outputs take, out of a plan's.

    Args:
        rungs: whose renditions are wanted, if any are.
    """
    voices = {rung.voice for rung in rungs} if renditions else set()
    wanted = []
    for sound in sounds:
        mine = (voices if sound.number == MAIN else set()) | ({STREAM_VOICE} if streams else set())
        if mine:
            wanted.append(replace(sound, voices=tuple(sorted(mine))))
    return tuple(wanted)


def _sound(number: int, track: AudioFacts, voices: tuple[Voice, ...]) -> Sound:
    return Sound(
        number=number,
        index=track.index,
        channels=track.channels,
        known_layout=track.layout is not None and "channels" not in track.layout,
        sample_rate=track.sample_rate if track.sample_rate in _SOUND_RATES else 48_000,
        voices=voices,
        language=track.language,
        title=track.title,
        default=number == MAIN,
        role=_role(track),
    )


def _role(track: AudioFacts) -> Role:
    if track.commentary:
        return "commentary"
    if track.descriptions:
        return "description"
    if track.hearing_impaired:
        return "enhanced-audio-intelligibility"
    return "karaoke" if track.karaoke else "main"


def _beside(main: Sound, number: int, track: AudioFacts) -> Sound:
    """A track beside the main one; one that claims to be the main one, too, is a dub when its language is another."""
    sound = _sound(number, track, (STREAM_VOICE,))
    if sound.role != "main":
        return sound
    return replace(sound, role="dub" if sound.language not in (None, main.language) else "alternate")


def _others(main: AudioFacts, tracks: tuple[AudioFacts, ...]) -> tuple[list[AudioFacts], list[str]]:
    """The tracks beside the main one, the best for each language and role in the file's order; and what was left out.

    A title tells tracks apart that say no language.
    """
    chosen: dict[tuple[str | None, Role], AudioFacts] = {}
    warnings = []
    for track in sorted(tracks, key=lambda a: (a.index != main.index, not a.default, -a.channels, a.index)):
        place = (track.language or track.title, _role(track))
        name = f"Sound track {track.index} ({track.language or track.title or track.codec})"
        if track.unusable is not None:
            warnings.append(f"{name} was left out: {track.unusable}.")
        elif place in chosen:
            warnings.append(f"{name} was left out: another one has its language and role.")
        else:
            chosen[place] = track
    others = sorted((track for track in chosen.values() if track.index != main.index), key=lambda a: a.index)
    if len(others) >= _MOST:
        warnings.append(f"{len(others) - _MOST + 1} sound track(s) were left out: streams hold at most {_MOST}.")
    return others[: _MOST - 1], warnings
