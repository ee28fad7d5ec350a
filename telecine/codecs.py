"""Codecs and containers: what each is called by ffmpeg, by RFC 6381 and by MIME, and what fits into what.

Belongs here: names and the container matrix, for pictures and sound alike. Doesn't belong here: which player takes what
(compatibility.py), encoder settings (telecine/video/coding.py). Sources: RFC 6381, RFC 4337 (MP4), RFC 9559 (Matroska),
the WebM container guidelines, the MP4 registration authority's object types, ffmpeg-formats(1).
"""

from __future__ import annotations

from enum import StrEnum


class VideoCodec(StrEnum):
    """Codecs a picture can be encoded with."""

    H264 = "h264"
    H265 = "h265"
    VP9 = "vp9"
    AV1 = "av1"
    FFV1 = "ffv1"

    @property
    def encoder(self) -> str:
        """ffmpeg's software encoder."""
        return {"h264": "libx264", "h265": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1", "ffv1": "ffv1"}[self]

    @property
    def ffprobe_name(self) -> str:
        """What ffprobe calls it."""
        return "hevc" if self is VideoCodec.H265 else self.value

    @property
    def lossless(self) -> bool:
        """Whether it always keeps every pixel, so that no rate can be asked of it."""
        return self is VideoCodec.FFV1

    @property
    def fallback(self) -> VideoCodec | None:
        """What is used when its encoder is missing or fails (requirements.md section 2); None: nothing else will do."""
        return {VideoCodec.AV1: VideoCodec.VP9, VideoCodec.VP9: VideoCodec.H264, VideoCodec.H265: VideoCodec.H264}.get(
            self
        )


class AudioCodec(StrEnum):
    """Codecs a sound can be encoded with."""

    AAC = "aac"
    MP3 = "mp3"
    OPUS = "opus"
    VORBIS = "vorbis"
    FLAC = "flac"

    @property
    def encoder(self) -> str:
        """ffmpeg's encoder."""
        return {"aac": "aac", "mp3": "libmp3lame", "opus": "libopus", "vorbis": "libvorbis", "flac": "flac"}[self]

    @property
    def lossless(self) -> bool:
        """Whether it keeps every sample, so that no rate can be asked of it."""
        return self is AudioCodec.FLAC

    def rfc6381(self, container: Container) -> str:
        """Its word in a codecs string; ISO files have other words for some than their own containers."""
        if container.is_iso:
            # 6B: MPEG-1 layer 3; Opus and FLAC by their sample entries, which are case sensitive.
            return {"aac": "mp4a.40.2", "mp3": "mp4a.6B", "opus": "Opus", "flac": "fLaC", "vorbis": "mp4a.DD"}[self]
        return "mp4a.40.2" if self is AudioCodec.AAC else self.value


class Container(StrEnum):
    """Containers an output can have: the first three hold a picture with its sound, the others sound alone."""

    MP4 = "mp4"
    WEBM = "webm"
    MKV = "mkv"
    M4A = "m4a"
    OGG = "ogg"
    MP3 = "mp3"
    FLAC = "flac"

    @property
    def muxer(self) -> str:
        """ffmpeg's muxer."""
        return {"mkv": "matroska", "m4a": "mp4"}.get(self, self.value)

    @property
    def extension(self) -> str:
        """File name extension without the dot."""
        return self.value

    @property
    def mime(self) -> str:
        """Media type."""
        return {
            "mp4": "video/mp4",
            "webm": "video/webm",
            "mkv": "video/matroska",
            "m4a": "audio/mp4",
            "ogg": "audio/ogg",
            "mp3": "audio/mpeg",
            "flac": "audio/flac",
        }[self]

    @property
    def is_iso(self) -> bool:
        """Whether it is made of ISO boxes, so that its index can come first (faststart)."""
        return self in (Container.MP4, Container.M4A)

    @property
    def video_codecs(self) -> tuple[VideoCodec, ...]:
        """What pictures it holds, the usual one first; empty for sound alone."""
        return _PICTURES.get(self, ())

    @property
    def audio_codecs(self) -> tuple[AudioCodec, ...]:
        """What sounds it holds, the usual one first."""
        return _SOUNDS[self]


_PICTURES = {
    Container.MP4: (VideoCodec.H264, VideoCodec.H265, VideoCodec.AV1, VideoCodec.VP9),
    Container.WEBM: (VideoCodec.VP9, VideoCodec.AV1),
    Container.MKV: (VideoCodec.H264, VideoCodec.H265, VideoCodec.VP9, VideoCodec.AV1, VideoCodec.FFV1),
}
_SOUNDS = {
    Container.MP4: (AudioCodec.AAC, AudioCodec.MP3, AudioCodec.OPUS, AudioCodec.FLAC),
    Container.WEBM: (AudioCodec.OPUS, AudioCodec.VORBIS),
    Container.MKV: (AudioCodec.AAC, AudioCodec.OPUS, AudioCodec.VORBIS, AudioCodec.MP3, AudioCodec.FLAC),
    Container.M4A: (AudioCodec.AAC, AudioCodec.OPUS, AudioCodec.FLAC, AudioCodec.MP3),
    Container.OGG: (AudioCodec.OPUS, AudioCodec.VORBIS, AudioCodec.FLAC),
    Container.MP3: (AudioCodec.MP3,),
    Container.FLAC: (AudioCodec.FLAC,),
}
