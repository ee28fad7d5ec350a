"""What becomes of a track's channels and level: downmix, one channel picked, compression, gain, a ceiling.

Pure: from facts and a recipe's `AudioMap` to filters of ffmpeg. Sources: ITU-R BS.775-3 annex 4 (centre and surrounds
at -3 dB, no LFE), EBU R 128 (loudness and true peak), ffmpeg-filters(1), ffmpeg-resampler(1). Doesn't belong here:
clocks and padding, which differ between videos and sound files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from telecine.codecs import AudioCodec
from telecine.probe import AudioFacts
from telecine.recipe.audio import AudioMap

Filter = tuple[str, dict[str, Any]]
"""A filter's name and options, as ffmpeg-python's `stream.filter` takes them."""

_MONO: Filter = ("aformat", {"sample_fmts": "fltp", "channel_layouts": "mono"})
_STEREO: Filter = ("aformat", {"sample_fmts": "fltp", "channel_layouts": "stereo"})
_LAYOUTS = {1: "mono", 2: "stereo", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_SURROUND = (AudioCodec.AAC, AudioCodec.OPUS, AudioCodec.FLAC)
_MINUS_3_DB = 0.707107
_AMBISONIC = re.compile(r"ambisonic \d+(\+stereo)?")
CEILING_DB = -1.0  # of a downmix: EBU R 128's highest true peak; full scale on all channels of 7.1 would reach +10 dB
_BETWEEN_DB = 0.5  # how far a true peak may lie above the samples that the limiter sees
_MOST_GAIN_DB = 40.0
DOWNMIX: tuple[Filter, ...] = (
    (
        "aresample",
        {
            "center_mix_level": _MINUS_3_DB,
            "surround_mix_level": _MINUS_3_DB,
            "lfe_mix_level": 0,
            "rematrix_maxval": 1000,  # nothing is turned down: a limiter takes what peaks
        },
    ),
    _STEREO,
)
"""Any layout to stereo."""

# Threshold, ratio, make-up gain: speech over road noise; a film at night (ffmpeg-filters(1) acompressor).
_COMPRESSION: dict[str, dict[str, Any]] = {
    "light": {"threshold": "-21dB", "ratio": 2.5, "attack": 15, "release": 200, "knee": 4, "makeup": 1.5},
    "strong": {"threshold": "-30dB", "ratio": 4, "attack": 10, "release": 250, "knee": 6, "makeup": 2.5},
}


@dataclass(frozen=True, slots=True)
class Shape:
    """How one source track comes out.

    Attributes:
        channels_in: of the source.
        known_layout: whether ffmpeg knows which of them is which.
        sphere: the sound comes from all around (ambisonics, RFC 8486); "head" when the last two channels are a stereo
            pair that stays in place when the head turns.
        channels: of the output: 1, 2, or the source's where all are kept.
        pick: which channels of a source that has more than one.
        compression: see `AudioMap`.
        gain_db: to the wanted loudness; None while it isn't measured, or when it isn't wanted.
        ceiling_db: no sample comes out above it; None when nothing could lift one there.
    """

    channels_in: int
    known_layout: bool
    channels: int
    pick: Literal["all", "left", "right"] = "all"
    sphere: Literal["plain", "head"] | None = None
    compression: Literal["light", "strong"] | None = None
    gain_db: float | None = None
    ceiling_db: float | None = None

    def filters(self) -> list[Filter]:
        """The filters, in order; they leave 32-bit floats of `channels` channels at the source's rate."""
        chain = [*self._to_stereo(), *self._to_channels()] if self.channels <= 2 else [self._kept()]
        if self.compression is not None:
            chain.append(("acompressor", _COMPRESSION[self.compression]))
        if self.gain_db is not None:
            chain.append(("volume", {"volume": f"{self.gain_db:.2f}dB"}))
        if self.ceiling_db is not None:
            limit = {"limit": f"{self.ceiling_db:.2f}dB", "attack": 5, "release": 50, "level": 0, "latency": 1}
            chain.append(("alimiter", limit))
        return chain

    @property
    def layout(self) -> str:
        """ffmpeg's name for the channels of the output."""
        return _LAYOUTS[self.channels]

    def _kept(self) -> Filter:
        return "aformat", {"sample_fmts": "fltp", "channel_layouts": self.layout}

    def _to_stereo(self) -> list[Filter]:
        if self.channels_in <= 2:
            return []
        if self.sphere is not None:  # the first two are "all around" and "left minus right" (ACN order): add, subtract
            pair = [f"+c{self.channels_in - 2}", f"+c{self.channels_in - 1}"] if self.sphere == "head" else ["", ""]
            left, right = (f"{_MINUS_3_DB}*c0{sign}{_MINUS_3_DB}*c1{own}" for sign, own in zip("+-", pair, strict=True))
            return [("pan", {"args": f"stereo|c0={left}|c1={right}"}), _STEREO]
        if not self.known_layout:  # unlabelled tracks of recorders carry the mix on the first two
            return [("pan", {"args": "stereo|c0=c0|c1=c1"}), _STEREO]
        return [*DOWNMIX]

    def _to_channels(self) -> list[Filter]:
        if self.channels_in == 1:
            # ffmpeg's own way from mono to stereo turns it down by 3 dB.
            return [_MONO] if self.channels == 1 else [_MONO, ("pan", {"args": "stereo|c0=c0|c1=c0"})]
        stereo = [_STEREO] if self.channels_in == 2 else []
        if self.channels == 2:
            return stereo
        mix = {"all": "0.5*c0+0.5*c1", "left": "c0", "right": "c1"}[self.pick]
        return [*stereo, ("pan", {"args": f"mono|c0={mix}"})]


def plan_shape(audio: AudioFacts, wish: AudioMap, *, stereo: bool, codec: AudioCodec | None = None) -> Shape:
    """The shape of a track, before its loudness is known.

    Args:
        stereo: whether mono becomes stereo when the recipe doesn't say, so that all sounds of a stream are alike.
        codec: that all channels may be kept for, when the recipe says so; None for stereo at most.
    """
    channels = {"auto": 2 if stereo else min(2, audio.channels), "stereo": 2}.get(wish.channels, 1)
    if wish.channels == "keep":
        surround = codec in _SURROUND and (audio.layout or "").removesuffix("(side)") == _LAYOUTS.get(audio.channels)
        channels = audio.channels if surround else min(2, audio.channels)
    sphere = _AMBISONIC.fullmatch(audio.layout or "")
    shape = Shape(
        channels_in=audio.channels,
        known_layout=audio.layout is not None and "channels" not in audio.layout,
        channels=channels,
        sphere=None if sphere is None else "head" if sphere[1] else "plain",
        pick=wish.channels if wish.channels in ("left", "right") else "all",
        compression=wish.compression,
    )
    lifted = (audio.channels > 2 >= channels) or wish.compression is not None
    return replace(shape, ceiling_db=CEILING_DB) if lifted else shape


def at_loudness(shape: Shape, wish: AudioMap, measured_lufs: float) -> Shape:
    """The shape that brings a track of a measured loudness (of this very shape) to the wanted one."""
    assert wish.loudness_lufs is not None
    gain = wish.loudness_lufs - measured_lufs + (shape.gain_db or 0.0)
    ceiling = wish.true_peak_dbtp - _BETWEEN_DB
    return replace(shape, gain_db=round(max(-_MOST_GAIN_DB, min(_MOST_GAIN_DB, gain)), 2), ceiling_db=ceiling)
