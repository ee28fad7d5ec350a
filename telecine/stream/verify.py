"""Deciding whether a stream is good, from what lies on disk.

Every referenced file exists and is not empty, durations add up, declared bandwidths cover what was measured, and all
rungs are cut at the same instants (requirements.md section 3, validation). Reads the finished files only, and shares no
state with package.py.
"""

from __future__ import annotations

from pathlib import Path

from telecine.errors import ErrorCode, SystemFault
from telecine.stream import dash, hls
from telecine.stream.package import MPD, MULTIVARIANT

_LENGTH_S = 0.1  # a stream may differ from its plan by this: two AAC frames and rounding in playlists
_CUT_S = 0.002  # EXTINF has three decimals
_RATE = 1.10  # declared within 10 % of measured


def verify_hls(directory: Path, duration_s: float, rungs: int, *, sound: bool) -> tuple[str, ...]:
    """Check an HLS stream.

    Returns:
        Paths of all its files relative to `directory`, the entry file last.

    Raises:
        SystemFault: VERIFY_FAILED, naming the first fault.
    """
    files: list[str] = []
    cuts: dict[str, tuple[float, ...]] = {}
    try:
        entry = hls.parse_multivariant((directory / MULTIVARIANT).read_text())
        spoken = [m for m in entry.media if m.get("TYPE") == "AUDIO"]
        if len(entry.variants) != rungs or len(entry.iframes) != rungs or bool(spoken) != sound:
            raise ValueError(
                f"{len(entry.variants)} variants and {len(spoken)} sounds instead of {rungs} and {sound:d}"
            )
        measured: dict[str, hls.Rates] = {}
        uris = [uri for _, uri in (*entry.variants, *entry.iframes)] + [m["URI"] for m in spoken]
        for uri in uris:
            playlist = hls.parse_media((directory / uri).read_text())
            files += [uri, *_hls_files(playlist)]
            measured[uri] = hls.rates(playlist, lambda name: (directory / name).stat().st_size)
            _check_length(uri, playlist.duration_s, duration_s)
            if not playlist.ended or round(max(s.duration_s for s in playlist.segments)) > playlist.target_duration_s:
                raise ValueError(f"{uri} isn't a closed playlist within its target duration")
        for given, uri in entry.variants:
            playlist = hls.parse_media((directory / uri).read_text())
            cuts[uri] = tuple(s.duration_s for s in playlist.segments)
            extra = max((measured[m["URI"]].peak_bps for m in spoken), default=0)
            _check_rate(uri, int(given["BANDWIDTH"]), measured[uri].peak_bps + extra)
            missing = {"AVERAGE-BANDWIDTH", "CODECS", "RESOLUTION", "FRAME-RATE", "VIDEO-RANGE"} - given.keys()
            if missing:
                raise ValueError(f"{uri} is declared without {', '.join(sorted(missing))}")
        _check_aligned(cuts)
        _check_files(directory, files)
    except (OSError, ValueError, KeyError) as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"the HLS stream is not right: {e}") from e
    return (*dict.fromkeys(files), MULTIVARIANT)


def verify_dash(directory: Path, duration_s: float, rungs: int, *, sound: bool) -> tuple[str, ...]:
    """Check a DASH stream.

    Returns:
        Paths of all its files relative to `directory`, the entry file last.

    Raises:
        SystemFault: VERIFY_FAILED, naming the first fault.
    """
    files: list[str] = []
    try:
        manifest = dash.parse((directory / MPD).read_text())
        pictures = [r for r in manifest.representations if r.kind == "video"]
        sounds = [r for r in manifest.representations if r.kind == "audio"]
        if len(pictures) != rungs or bool(sounds) != sound:
            raise ValueError(f"{len(pictures)} pictures and {len(sounds)} sounds instead of {rungs} and {sound:d}")
        if manifest.period_duration_s is None:
            raise ValueError("the period has no duration")
        _check_length("mediaPresentationDuration", manifest.duration_s, duration_s)
        _check_length("Period@duration", manifest.period_duration_s, duration_s)
        for representation in manifest.representations:
            files += [representation.init, *representation.segments]
            _check_length(representation.init, sum(representation.durations_s), duration_s)
            peak = max(
                (directory / name).stat().st_size * 8 / length
                for name, length in zip(representation.segments, representation.durations_s, strict=True)
            )
            _check_rate(representation.init, representation.bandwidth, peak)
        _check_aligned({r.init: r.durations_s for r in pictures})
        _check_files(directory, files)
    except (OSError, ValueError, KeyError) as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"the DASH stream is not right: {e}") from e
    return (*dict.fromkeys(files), MPD)


def _hls_files(playlist: hls.MediaPlaylist) -> list[str]:
    return [*([playlist.init] if playlist.init else []), *(segment.uri for segment in playlist.segments)]


def _check_length(name: str, measured_s: float, planned_s: float) -> None:
    if abs(measured_s - planned_s) > _LENGTH_S:
        raise ValueError(f"{name} lasts {measured_s:.3f} s instead of {planned_s:.3f} s")


def _check_rate(name: str, declared_bps: float, measured_bps: float) -> None:
    if not measured_bps * 0.999 <= declared_bps <= measured_bps * _RATE + 1000:
        raise ValueError(f"{name} declares {declared_bps:.0f} bit/s but {measured_bps:.0f} were measured")


def _check_aligned(cuts: dict[str, tuple[float, ...]]) -> None:
    first, *others = cuts.items()
    for name, durations in others:
        if len(durations) != len(first[1]) or any(
            abs(a - b) > _CUT_S for a, b in zip(durations, first[1], strict=True)
        ):
            raise ValueError(f"{name} is cut at other instants than {first[0]}")


def _check_files(directory: Path, names: list[str]) -> None:
    for name in names:
        path = directory / name
        if ".." in Path(name).parts or not path.is_file() or path.stat().st_size == 0:
            raise ValueError(f"{name} is missing or empty")
