"""Measuring a package: what each segment really holds, whatever its container, each object read once.

Belongs here: from extents to `Measured`. Doesn't belong here: reading playlists and manifests, or judging.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise

from telecine.errors import ErrorCode, InputError
from telecine.stream.verify.bmff import looks_like_boxes
from telecine.stream.verify.fragments import Run, read_segment, starts_with_idr
from telecine.stream.verify.init_section import read_init
from telecine.stream.verify.measured import Container, Init, Key, Measured, Piece, Stretch
from telecine.stream.verify.nal import AvcPicture
from telecine.stream.verify.packed import Frames, looks_packed, read_packed
from telecine.stream.verify.place import Missing, Place
from telecine.stream.verify.sealed import check_sealed, opened
from telecine.stream.verify.sound_config import UNKNOWN
from telecine.stream.verify.transport import Stream, read_transport, unwrapped
from telecine.stream.verify.webvtt import read_webvtt
from telecine.stream.verify.window import Broken, Extent, Window

_CLOCK = 90_000
_PIECES = 500_000  # 24 hours of 20 renditions in segments of 6 s, and I-frames
_TEXT_BYTES = 16 * 1024**2  # of a playlist or manifest
# What reading damaged bytes may end in; each means that they are damaged.
_DAMAGED = (Broken, LookupError, ValueError, OverflowError, struct.error)


@dataclass
class Session:
    """One verification's reading: every object measured once, every name that was used remembered.

    Attributes:
        place: where the package lies.
        threads: segments that are read at once.
        most: segments that all playlists and representations together may list.
        keys: AES-128 keys by their URIs, for looking into segments that are encrypted whole.
        used: names of objects in the order of their first use.
    """

    place: Place
    threads: int = 1
    most: int = _PIECES
    keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    used: dict[str, None] = field(default_factory=dict)
    _listed: int = 0
    _segments: dict[tuple[Extent, Extent | None, tuple[Key, int] | None], Measured] = field(default_factory=dict)
    _inits: dict[Extent, Init] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A playlist or manifest.

        Raises:
            Missing: it isn't there.
            Broken: it is too large or no text.
        """
        self.used.setdefault(name)
        data = self.place.read(name, 0, _TEXT_BYTES + 1)
        if len(data) > _TEXT_BYTES:
            raise Broken(f"more than {_TEXT_BYTES} bytes in a playlist or manifest")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as e:
            raise Broken(f"isn't UTF-8 at byte {e.start}") from e

    def count_segments(self, count: int) -> None:
        """Count segments before they are listed: a few lines of a playlist or MPD can stand for very many.

        Raises:
            InputError: LIMIT_EXCEEDED.
        """
        self._listed += count
        if self._listed > self.most:
            raise InputError(ErrorCode.LIMIT_EXCEEDED, f"the package lists more than {self.most:,} segments")

    def init(self, extent: Extent) -> Init:
        """An initialisation section."""
        self.used.setdefault(extent.name)
        if extent not in self._inits:
            self._inits[extent] = self._read_init(extent)
        return self._inits[extent]

    def measure(self, pieces: Sequence[Piece]) -> tuple[Measured, ...]:
        """What these segments hold."""
        for piece in pieces:
            if piece.init is not None and not piece.init_sealed:
                self.init(piece.init)
            if piece.media is not None:
                self.used.setdefault(piece.media.name)
        if self.threads > 1:
            with ThreadPoolExecutor(self.threads) as pool:
                return tuple(pool.map(self._measured, pieces))
        return tuple(self._measured(piece) for piece in pieces)

    def there(self, extent: Extent) -> bool:
        """Whether an object of which nothing can be read is there, and not empty."""
        self.used.setdefault(extent.name)
        try:
            return Window(self.place, extent).size > 0
        except (Missing, Broken):
            return False

    def window(self, extent: Extent) -> Window:
        """The bytes of an extent."""
        return Window(self.place, extent)

    def _read_init(self, extent: Extent) -> Init:
        try:
            window = Window(self.place, extent)
            if window.size == 0:
                return Init(fault="is empty", missing=True)
            return Init(read_init(window))
        except Missing as e:
            return Init(fault=str(e), missing=True)
        except _DAMAGED as e:
            return Init(fault=_words(e))

    def _measured(self, piece: Piece) -> Measured:
        if piece.media is None:
            return Measured(0, Container.OTHER, fault="leads out of the package", missing=True)
        known = piece.media, piece.init, (piece.seal, piece.sequence) if piece.seal else None
        if known not in self._segments:
            self._segments[known] = self._read(piece)
        return self._segments[known]

    def _read(self, piece: Piece) -> Measured:
        assert piece.media is not None
        try:
            window = Window(self.place, piece.media)
            head = window.at(0, 16)
        except Missing as e:
            return Measured(0, Container.OTHER, fault=str(e), missing=True)
        except Broken as e:
            return Measured(0, Container.OTHER, fault=str(e))
        if not head:
            return Measured(0, Container.OTHER, fault="is empty", missing=True)
        if piece.seal is not None:
            return self._read_sealed(window, piece, piece.seal)
        return self._read_clear(head, window, piece)

    def _read_sealed(self, window: Window, piece: Piece, seal: Key) -> Measured:
        key = self.keys.get(seal.uri or "")
        try:
            if key is None or piece.init_sealed:
                check_sealed(window)
                return Measured(window.size, Container.SEALED)
            clear = opened(window, piece, key)
            head = clear.at(0, 16)
            if _container_of(head) is None:
                raise Broken("decrypts to nothing that is known with the key and IV that its EXT-X-KEY names")
        except Missing as e:
            return Measured(window.size, Container.SEALED, fault=str(e), missing=True)
        except _DAMAGED as e:
            return Measured(window.size, Container.SEALED, fault=_words(e))
        return replace(self._read_clear(head, clear, piece), size=window.size)

    def _read_clear(self, head: bytes, window: Window, piece: Piece) -> Measured:
        container = _container(head, piece)
        try:
            return self._looked_into(container, window, piece)
        except Missing as e:
            return Measured(window.size, container, fault=str(e), missing=True)
        except _DAMAGED as e:
            return Measured(window.size, container, fault=_words(e))

    def _looked_into(self, container: Container, window: Window, piece: Piece) -> Measured:
        size = window.size
        match container:
            case Container.MP4:
                return self._mp4(window, piece)
            case Container.TS:
                head = self.window(piece.init).whole() if piece.init is not None else b""
                streams = read_transport(head + window.whole())
                return Measured(size, container, tuple(_of_stream(s) for s in streams if s.kind != "data"))
            case Container.PACKED:
                begin, frames = read_packed(window.whole())
                return Measured(size, container, (_of_frames(frames, begin or 0.0),))
            case Container.VTT:
                return Measured(size, container, captions=read_webvtt(window.whole()))
            case _:
                return Measured(size, container, fault="is no kind of segment that is known")

    def _mp4(self, window: Window, piece: Piece) -> Measured:
        # Without an initialisation section of its own a segment may begin with one (a whole file in one piece).
        init = self.init(piece.init) if piece.init is not None else Init(read_init(window))
        if init.fault:
            return Measured(window.size, Container.MP4)  # said of the initialisation section itself
        runs = read_segment(window, init.tracks)
        return Measured(window.size, Container.MP4, tuple(_of_run(run, window) for run in runs))


def _container(head: bytes, piece: Piece) -> Container:
    known = _container_of(head)
    if known is not None and known is not Container.PACKED:
        return known
    name = piece.media.name.partition("?")[0] if piece.media else ""
    if name.endswith((".vtt", ".webvtt")):
        return Container.VTT
    if piece.init is not None or name.endswith((".m4s", ".mp4", ".cmfv", ".cmfa")):
        return Container.MP4
    return known or (Container.TS if name.endswith(".ts") else Container.OTHER)


def _container_of(head: bytes) -> Container | None:
    """What a segment is by its first bytes; None when they tell nothing."""
    if looks_like_boxes(head):
        return Container.MP4
    if head[:1] == b"G":
        return Container.TS
    if head.lstrip(b"\xef\xbb\xbf").startswith(b"WEBVTT"):
        return Container.VTT
    return Container.PACKED if looks_packed(head) else None


def _of_run(run: Run, window: Window) -> Stretch:
    track, scale = run.track, run.track.timescale
    entry = run.entry
    clean = run.first_sync
    if track.kind == "video" and (seen := starts_with_idr(window, run)) is not None:
        clean = clean and seen
    frame = (run.end - run.begin) / run.samples / scale
    return Stretch(
        kind=track.kind,
        codec=entry.codec if entry else "",
        begin_s=(run.begin - track.shift) / scale,
        end_s=(run.end - track.shift) / scale,
        # What an edit list puts before zero is decoded and not shown: the priming of AAC.
        shown_s=max(run.shown_begin - track.shift, min(track.shift, 0)) / scale,
        shown_end_s=(run.shown_end - track.shift) / scale,
        tfdt_s=run.begin / scale,
        frame_s=frame,
        samples=run.samples,
        clean=clean or track.kind != "video",
        syncs=tuple(sync.shown_s for sync in run.syncs),
        frames=tuple(run.syncs),
        even=run.longest / scale <= frame * 1.5,
        gap_s=run.gap / scale,
        sizes=((entry.width, entry.height), entry.display) if entry and entry.width else (),
        range=entry.range if entry else None,
        scheme=entry.scheme if entry else None,
        kid=entry.kid if entry else None,
        shape=entry.shape if entry else UNKNOWN,
    )


def _of_stream(stream: Stream) -> Stretch:
    times = unwrapped(stream.times, stream.times[0])
    shown = unwrapped(stream.shown, stream.times[0])
    frame = stream.frame
    length = stream.sound.duration_s * _CLOCK if stream.sound else max(times) - times[0] + frame
    picture: AvcPicture | None = stream.picture
    return Stretch(
        kind=stream.kind,
        codec=stream.codec,
        begin_s=times[0] / _CLOCK,
        end_s=(times[0] + length) / _CLOCK,
        shown_s=min(shown) / _CLOCK,
        shown_end_s=(min(shown) + length if stream.sound else max(shown) + frame) / _CLOCK,
        tfdt_s=times[0] / _CLOCK,
        frame_s=frame / _CLOCK,
        samples=stream.samples,
        clean=stream.enters[0] if stream.enters else True,
        syncs=tuple(
            time / _CLOCK
            for time, enters in zip(shown, stream.enters, strict=False)
            if enters and stream.kind == "video"
        ),
        gap_s=max((b - a - frame for a, b in pairwise(times)), default=0.0) / _CLOCK if stream.kind == "video" else 0.0,
        skips=stream.skips,
        sizes=((picture.width, picture.height), picture.display) if picture else (),
        scheme=stream.scheme,
        shape=stream.sound.shape if stream.sound else UNKNOWN,
        counters=stream.counters,
        range={2: None, 16: "PQ", 18: "HLG"}.get(picture.transfer, "SDR") if picture else None,
    )


def _of_frames(frames: Frames, begin_s: float) -> Stretch:
    end = begin_s + frames.duration_s
    times = (begin_s, end, begin_s, end, begin_s)
    return Stretch("audio", frames.codec, *times, frames.frame_s, frames.count, clean=True, shape=frames.shape)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, Broken) else f"its structure is damaged ({type(error).__name__}: {error})"
