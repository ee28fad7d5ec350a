"""Planning the sound of a video: which tracks are used, and what is made of each.

The main track goes into every output; streams get the other languages, commentaries and audio descriptions beside it.
Pure. Doesn't belong here: ffmpeg's words for it (sound_argv.py), audio-only files (telecine/sound).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from telecine.codecs import AudioCodec
from telecine.probe import AudioFacts, MediaFacts
from telecine.recipe.audio import AudioMap, VideoSound
from telecine.sound.encoder import bitrate_for, rate_for, surround_bps
from telecine.sound.shape import Shape, plan_shape
from telecine.video.ladder import Rung

Role = Literal["main", "alternate", "dub", "commentary", "description", "enhanced-audio-intelligibility", "karaoke"]
"""What a track is for, in the words of ISO/IEC 23009-1 (urn:mpeg:dash:role:2011)."""

STREAM_AUDIO_BPS = 128_000  # one stereo track for all rungs of a stream
MAIN = 0
"""Number of the main track among a plan's sounds."""

_USUAL_RATES = (44_100, 48_000)
_MOST = 16  # tracks of a stream; DVDs have 8, Blu-ray Discs 32


@dataclass(frozen=True, slots=True)
class Version:
    """One encode of a track.

    Attributes:
        bitrate_bps: None for a codec without one.
        sample_rate: in Hz.
        wish: what the recipe says of channels, level and dynamics.
        shape: what becomes of them; its gain isn't known before the track is measured.
    """

    codec: AudioCodec
    bitrate_bps: int | None
    sample_rate: int
    wish: AudioMap
    shape: Shape

    @property
    def name(self) -> str:
        """Its name among the versions of its track."""
        words = [self.codec.value]
        words += [f"{self.bitrate_bps // 1000}k"] if self.bitrate_bps else []
        if self.wish != AudioMap():
            words.append(hashlib.sha256(self.wish.model_dump_json().encode()).hexdigest()[:6])
        return "-".join(words)


@dataclass(frozen=True, slots=True)
class Sound:
    """One track of a video's sound.

    Attributes:
        number: its place among the plan's sounds; the first is the main one.
        track: its facts.
        default: whether players start with it: the main one, and no other.
    """

    number: int
    track: AudioFacts
    default: bool = True
    role: Role = "main"

    def for_rung(self, rung: Rung) -> Version:
        """What a rendition has: the codec that its container usually has, when the recipe doesn't say another."""
        wish, holds = rung.coding.audio, rung.coding.container.audio_codecs
        codec = wish.codec if wish.codec is not None and wish.codec in holds else holds[0]
        return self._version(codec, rung.audio_bitrate_bps, wish)

    def for_streams(self, rungs: Sequence[Rung]) -> Version:
        """What the streams of a ladder have."""
        wish = rungs[0].coding.audio
        if wish.channels == "keep":  # one version for every player
            wish = wish.model_copy(update={"channels": "auto"})
        return self._version(AudioCodec.AAC, STREAM_AUDIO_BPS, wish)

    def _version(self, codec: AudioCodec, stereo_bps: int, wish: VideoSound) -> Version:
        own = self.track.sample_rate if self.track.sample_rate in _USUAL_RATES else 48_000
        rate = rate_for(codec, wish.sample_rate or own)
        shape = plan_shape(self.track, wish, stereo=True, codec=codec)
        bitrate_bps = wish.bitrate_bps or surround_bps(stereo_bps, shape.channels)
        lossy = codec is not AudioCodec.FLAC
        return Version(
            codec=codec,
            bitrate_bps=bitrate_for(codec, bitrate_bps, shape.channels, rate) if lossy else None,
            sample_rate=rate,
            wish=AudioMap(**{field: getattr(wish, field) for field in AudioMap.model_fields}),
            shape=shape,
        )


@dataclass(frozen=True, slots=True)
class Take:
    """What is to be encoded of a track."""

    sound: Sound
    versions: tuple[Version, ...]


def plan_sounds(facts: MediaFacts, *, streams: bool) -> tuple[tuple[Sound, ...], list[str]]:
    """The sounds of a video's outputs, and warnings about tracks that are left out; none for a silent one.

    Args:
        streams: whether there are streams, which alone can hold more than one track.
    """
    if facts.audio is None:
        return (), []
    others, warnings = _others(facts.audio, facts.audios) if streams else ([], [])
    main = Sound(MAIN, facts.audio, role=_role(facts.audio))
    return (main, *(_beside(main, n, track) for n, track in enumerate(others, start=1))), warnings


def takes(
    sounds: Iterable[Sound], *, renditions: Iterable[Rung], ladder: Sequence[Rung], streams: bool
) -> tuple[Take, ...]:
    """What the wanted outputs take of a plan's sounds.

    Args:
        renditions: those that are wanted.
        ladder: what streams are made of, if they are wanted.
    """
    renditions = tuple(renditions)
    wanted = []
    for sound in sounds:
        versions = [sound.for_streams(ladder)] if streams else []
        versions += [sound.for_rung(rung) for rung in renditions] if sound.number == MAIN else []
        if versions:
            unique = sorted(dict.fromkeys(versions), key=lambda v: (v.codec, v.bitrate_bps or 0, v.name))
            wanted.append(Take(sound, tuple(unique)))
    return tuple(wanted)


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
    sound = Sound(number, track, default=False, role=_role(track))
    if sound.role != "main":
        return sound
    return replace(sound, role="dub" if track.language not in (None, main.track.language) else "alternate")


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
