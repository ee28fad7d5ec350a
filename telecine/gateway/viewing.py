"""From a manifest to what the player page needs: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from telecine.manifest import Manifest, ManifestOutput

_PROTOCOLS: dict[str, Literal["hls", "dash"]] = {
    "application/vnd.apple.mpegurl": "hls",
    "application/dash+xml": "dash",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Something that can be played: `protocol` says how; "file" is one that the browser plays by itself."""

    protocol: Literal["hls", "dash", "file"]
    url: str
    name: str


@dataclass(frozen=True, slots=True)
class Viewing:
    """One media file as the page shows it.

    Attributes:
        title: the source object's name, without its folders.
        sources: streams first, then files, best first.
        poster: URL of a picture, or None.
        storyboard: URL of a WebVTT file whose cues name regions of sprite sheets, or None.
    """

    partition: str
    title: str
    kind: str
    generation: int
    duration_s: float | None
    sources: tuple[Source, ...]
    poster: str | None
    storyboard: str | None

    def as_json(self) -> dict[str, Any]:
        """JSON-ready, for the page's script."""
        return asdict(self)


def viewing(manifest: Manifest, outputs_url: str) -> Viewing:
    """What the page needs of a manifest.

    Args:
        outputs_url: base URL of the output bucket, without a trailing slash.
    """
    base = f"{outputs_url}/{manifest.partition}"
    return Viewing(
        partition=manifest.partition,
        title=manifest.source.key.rsplit("/", 1)[-1] or manifest.partition,
        kind=manifest.source.kind,
        generation=manifest.generation,
        duration_s=manifest.source.duration_s,
        sources=tuple(_sources(manifest.outputs, base)),
        poster=_poster(manifest.outputs, base),
        storyboard=next((f"{base}/{o.url}" for o in manifest.outputs if _is_storyboard(o)), None),
    )


def _sources(outputs: Iterable[ManifestOutput], base: str) -> Iterable[Source]:
    outputs = tuple(outputs)
    for output in outputs:
        if protocol := _PROTOCOLS.get(output.mime):
            yield Source(protocol, f"{base}/{output.url}", output.name)
    files = [o for o in outputs if o.files is None and o.mime.startswith(("video/", "audio/"))]
    for output in sorted(files, key=lambda o: o.bitrate_bps or 0, reverse=True):
        yield Source("file", f"{base}/{output.url}", output.name)


def _poster(outputs: Iterable[ManifestOutput], base: str) -> str | None:
    """The picture called poster, or cover of a sound file; else the widest of the thumbnails."""
    pictures = [o for o in outputs if o.asset.endswith("/thumbnails") and o.mime.startswith("image/")]
    best = max(pictures, key=lambda o: (o.name in ("poster", "cover"), o.width or 0), default=None)
    return f"{base}/{best.url}" if best else None


def _is_storyboard(output: ManifestOutput) -> bool:
    return output.asset == "video/thumbnails" and output.mime == "text/vtt"
