"""Each sound encoder's words, and which sample rates and bit rates it takes.

Pure: options for ffmpeg-python's `output`. Belongs here: what libopus, LAME, libvorbis and ffmpeg's AAC and FLAC want.
Doesn't belong here: names and containers (telecine/codecs). Sources: ffmpeg-codecs(1); ISO 11172-3 and 13818-3 (MP3),
ISO 14496-3 (AAC), RFC 6716 (Opus); libvorbis' rate tables (lib/modes).
"""

from __future__ import annotations

from telecine.codecs import AudioCodec

Options = dict[str, str | int | float]

_MOST_BPS = 512_000
_MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_RATES = {
    AudioCodec.OPUS: (8_000, 12_000, 16_000, 24_000, 48_000),
    AudioCodec.VORBIS: (32_000, 44_100, 48_000),  # below, its range of bit rates shrinks
    AudioCodec.FLAC: (*_MPEG_RATES, 88_200, 96_000, 176_400, 192_000),
}


def rate_for(codec: AudioCodec, wanted: int) -> int:
    """The wanted sample rate in Hz, or the next higher one that the codec has."""
    rates = _RATES.get(codec, _MPEG_RATES)
    return next((rate for rate in rates if rate >= wanted), rates[-1])


def bitrate_for(codec: AudioCodec, wanted_bps: int, channels: int, sample_rate: int) -> int:
    """The nearest bit rate that the encoder takes; libopus and libvorbis refuse others."""
    if codec is AudioCodec.OPUS:
        return min(wanted_bps, 256_000 * channels)
    if codec is AudioCodec.VORBIS:
        lowest, highest = (48_000, 380_000) if channels == 2 else (32_000, 190_000)
        return max(lowest, min(wanted_bps, highest))
    if codec is AudioCodec.MP3:
        if sample_rate >= 32_000:
            return max(32_000, min(wanted_bps, 320_000))
        return max(8_000, min(wanted_bps, 160_000 if sample_rate >= 16_000 else 64_000))
    return wanted_bps


def surround_bps(stereo_bps: int, channels: int) -> int:
    """As many bits for each channel as stereo has, within reason; the same for stereo and mono."""
    return stereo_bps if channels <= 2 else min(_MOST_BPS, stereo_bps * channels // 2)


def encoder_options(codec: AudioCodec, bitrate_bps: int | None, quality: float | None = None) -> Options:
    """Options of one output's sound.

    Args:
        quality: on the encoder's own scale, instead of a bit rate.
    """
    options: Options = {"c:a": codec.encoder}
    if codec is AudioCodec.FLAC:
        return options | {"compression_level": 8}
    if codec is AudioCodec.OPUS:
        options["vbr"] = "on"
    if quality is not None:
        return options | {"q:a": quality}
    return options | ({"b:a": bitrate_bps} if bitrate_bps is not None else {})
