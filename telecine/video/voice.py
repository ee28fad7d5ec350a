"""How a sound is encoded for an output: codec and bit rate; outputs that want the same share one encode.

Pure. Doesn't belong here: which track (sound.py), its channels and level (recipe/audio.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from telecine.codecs import AudioCodec, Container


@dataclass(frozen=True, slots=True, order=True)
class Voice:
    """One encode of a sound; `bitrate_bps` is 0 for a lossless codec."""

    codec: AudioCodec
    bitrate_bps: int

    @property
    def name(self) -> str:
        """For file names and labels: "aac-128k"."""
        return self.codec.value if self.codec.lossless else f"{self.codec}-{self.bitrate_bps // 1000}k"

    @property
    def working_container(self) -> Container:
        """What it lies in until it is finished: MP4, which the packager reads, for what MP4 times exactly."""
        return Container.M4A if self.codec is AudioCodec.AAC else Container.MKV

    @property
    def options(self) -> list[str]:
        """ffmpeg's words for it."""
        rate = [] if self.codec.lossless else ["-b:a", str(self.bitrate_bps)]
        return ["-c:a", self.codec.encoder, *rate]


STREAM_VOICE = Voice(AudioCodec.AAC, 128_000)
"""One stereo track for all rungs of a stream."""
