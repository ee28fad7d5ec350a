"""What is known of a segment: as it is listed, and as it was measured.

Plain records. Doesn't belong here: measuring (measure.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from telecine.stream.verify.fragments import Sync
from telecine.stream.verify.init_section import Track
from telecine.stream.verify.sound_config import UNKNOWN, SoundShape
from telecine.stream.verify.webvtt import Captions
from telecine.stream.verify.window import Extent

TS_WRAP_S = (1 << 33) / 90_000  # of a transport stream's clock


class Container(StrEnum):
    """What a segment is."""

    MP4 = "fMP4"
    TS = "MPEG-TS"
    PACKED = "packed audio"
    VTT = "WebVTT"
    SEALED = "encrypted whole"
    OTHER = "unknown"


@dataclass(frozen=True, slots=True)
class Key:
    """An EXT-X-KEY: its attributes; `id` is KEYID in hexadecimal, `iv` 16 bytes. None for what it doesn't say."""

    method: str
    uri: str | None = None
    iv: bytes | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One segment as a playlist or manifest lists it.

    Attributes:
        media: where it is; None when that leads out of the package.
        duration_s: as declared.
        begin_s: where a DASH timeline puts it; None for HLS.
        ticks: the timescale of that timeline.
        keys: every EXT-X-KEY in force; several are offers of the same key.
        sequence: its media sequence number.
        init_sealed: its initialisation section is encrypted whole.
        fresh: a discontinuity comes before it.
    """

    media: Extent | None
    duration_s: float
    init: Extent | None = None
    begin_s: float | None = None
    ticks: int = 0
    keys: tuple[Key, ...] = ()
    sequence: int = 0
    init_sealed: bool = False
    fresh: bool = False

    @property
    def seal(self) -> Key | None:
        """The key with which it is encrypted whole; None when it isn't."""
        return next((key for key in self.keys if key.method == "AES-128"), None)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One track's samples in one segment; seconds, the edit list applied.

    Attributes:
        begin_s, end_s: decode times.
        shown_s, shown_end_s: presentation times.
        tfdt_s: decode time without the edit list, as DASH timelines may count.
        frame_s: a frame's length.
        even: whether all frames are equally long.
        clean: whether a decoder can start with the first sample.
        gap_s: largest hole (or, below zero, overlap) between fragments inside.
        skips: broken continuity counters inside.
        sizes: of pictures, as stored and as shown.
        frames: samples of MP4 that can be decoded alone, and where their bytes are.
        shape: of sound, its channels and rates.
        counters: the first and the last continuity counter of a transport stream.
        scheme: of sample encryption, None for clear samples; `kid` the id of their key, where it is said.
    """

    kind: str
    codec: str
    begin_s: float
    end_s: float
    shown_s: float
    shown_end_s: float
    tfdt_s: float
    frame_s: float
    samples: int
    clean: bool
    syncs: tuple[float, ...] = ()
    frames: tuple[Sync, ...] = ()
    even: bool = True
    gap_s: float = 0.0
    skips: int = 0
    sizes: tuple[tuple[int, int], ...] = ()
    range: str | None = None
    scheme: str | None = None
    kid: str | None = None
    shape: SoundShape = UNKNOWN
    counters: tuple[int, int] | None = None

    def moved(self, by_s: float) -> Stretch:
        """The same, later."""
        return replace(
            self,
            begin_s=self.begin_s + by_s,
            end_s=self.end_s + by_s,
            shown_s=self.shown_s + by_s,
            shown_end_s=self.shown_end_s + by_s,
            tfdt_s=self.tfdt_s + by_s,
            syncs=tuple(sync + by_s for sync in self.syncs),
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """What a segment holds.

    Attributes:
        size: bytes; 0 when it isn't there.
        fault: why it can't be read, in a few words; "" when it can.
        missing: it isn't there at all, or empty.
    """

    size: int
    container: Container
    stretches: tuple[Stretch, ...] = ()
    captions: Captions | None = None
    fault: str = ""
    missing: bool = False

    def of(self, kind: str) -> Stretch | None:
        """The stretch of a kind of track."""
        return next((stretch for stretch in self.stretches if stretch.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Init:
    """An initialisation section: its tracks, or why it can't be read."""

    tracks: tuple[Track, ...] = ()
    fault: str = ""
    missing: bool = False
