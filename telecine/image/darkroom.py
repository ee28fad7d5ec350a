"""One file's outputs while they are made: decode, resize, encode, verify, write; each output fails alone.

Doesn't belong here: what is made (plan.py), the file's header and metadata (header.py, metadata.py).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from telecine.artifact import Artifact
from telecine.errors import TelecineError
from telecine.image import colour
from telecine.image.animation import animate
from telecine.image.decode import Picture, decode
from telecine.image.encode import encode, preview
from telecine.image.faults import within_means
from telecine.image.geometry import Placement, place
from telecine.image.header import ImageFacts
from telecine.image.limits import ImageLimits
from telecine.image.metadata import SourceMetadata, carried_by
from telecine.image.plan import Place, Planned, place_of
from telecine.image.quality import quality_of
from telecine.image.resize import Renderer
from telecine.image.smart_crop import smart_crop
from telecine.image.verify import Findings, sampled_look, verify
from telecine.recipe.image import ImageFormat, ImageOutput

_PREVIEW = ImageOutput(kind="image", name="preview", width=240, height=240)
# Sources whose own loss makes a lower quality invisible, and outputs that have a quality to lower.
_LOSSY_SOURCES = ("jpeg", "webp", "avif", "heic")
_LOSSY_OUTPUTS = (ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF)
_LOWER_BY = (8, 16, 24)
# What an output's bytes depend on besides its placement, its asset and its background.
_BYTES_DEPEND_ON = (
    *("format", "interpolation", "sharpen", "quality", "lossless", "effort", "png_level", "webp_method", "avif_speed"),
    *("subsampling", "progressive", "max_colors", "color_profile", "animated", "metadata", "metadata_fields"),
    *("strip_private", "allow_larger"),
)


class Darkroom:
    """One file's outputs while they are being made.

    Attributes:
        made: artifacts so far, by place.
        findings: what was found out about them, by asset key.
        preview: small JPEG; None while nothing was made.
    """

    def __init__(
        self,
        source: Path,
        facts: ImageFacts,
        limits: ImageLimits,
        embedded: SourceMetadata | None,
        out_dir: Path,
        notes: list[str],
        failed: dict[Place, TelecineError],
    ) -> None:
        self._source = source
        self._source_bytes = source.stat().st_size
        self._facts = facts
        self._limits = limits
        self._embedded = embedded
        self._out_dir = out_dir
        self._notes = notes
        self._failed = failed
        self._twins: dict[tuple[object, ...], Artifact] = {}
        self.made: dict[Place, Artifact] = {}
        self.findings: dict[str, Findings] = {}
        self.preview: bytes | None = None

    def make(self, planned: Sequence[Planned], tell: Callable[[int], None]) -> None:
        """Make the outputs; what goes wrong with one is added to the failures.

        Raises:
            InputError, ResourceError, SystemFault: the source itself can't be decoded.
        """
        tell(0)
        for keep_profile in (False, True):
            stills = [p for p in planned if not p.animated and (p.output.color_profile == "keep") is keep_profile]
            if stills:
                self._stills(stills, keep_profile, tell)
        for each in planned:
            if each.animated:
                self._attempt(each, each.placement, lambda p=each: self._animation(p), tell)  # type: ignore[misc]
        if larger := [name for found in self.findings.values() for name in found.larger]:
            listed = ", ".join(larger[:6])
            self._notes.append(f"More bytes than the source has at the same size: {listed}.")
        if self.made and self.preview is None:  # animations only
            picture = decode(self._source, self._facts, min(1.0, 240 / max(self._facts.displayed)), [])
            self._make_preview(Renderer(picture, self._facts.displayed))

    def _stills(self, planned: Sequence[Planned], keep_profile: bool, tell: Callable[[int], None]) -> None:
        picture = decode(
            self._source,
            self._facts,
            max(p.placement.scale for p in planned),
            self._notes,
            limits=self._limits,
            keep_profile=keep_profile,
            allow_truncated=any(p.output.allow_truncated for p in planned),
        )
        renderer = Renderer(picture, self._facts.displayed)
        image = None
        rendered: tuple[object, ...] | None = None

        def still(each: Planned, placement: Placement) -> Artifact:
            nonlocal image, rendered
            output = each.output
            boxed = placement.canvas != placement.size
            pixels = (placement, output.interpolation, output.sharpen, output.background if boxed else None)
            if image is None or rendered != pixels:
                image, rendered = None, None  # frees the one before
                image, rendered = renderer.render(placement, output), pixels
            made, profile = image, picture.profile
            if profile is not None and not _carries_profile(output.format, made.mode):
                made, profile = colour.to_srgb(made, profile, self._notes), None
            carried = carried_by(output, self._embedded, made.size, made.mode, profile, self._notes)
            started = time.perf_counter()
            data = encode(made, output, carried)
            took = time.perf_counter() - started
            if len(data) > self._source_bytes and placement.canvas == self._facts.displayed:
                smaller = None
                for quality in self._lower_qualities(output):
                    smaller = encode(made, output, carried, quality)
                    if len(smaller) <= self._source_bytes:
                        break
                data = smaller or data
                if len(data) > self._source_bytes and not output.allow_larger:
                    self._found(output).larger.append(output.name)
            verify(data, output, made.size)
            alike = sampled_look(data, output, made, took)
            if alike is not None:
                self._found(output).saw(output, alike)
            return self._write(data, output, placement)

        for each in planned:
            placement = _placed_smartly(each, picture, self._facts)
            self._attempt(each, placement, lambda e=each, p=placement: still(e, p), tell)  # type: ignore[misc]
        if self.made and self.preview is None:
            self._make_preview(renderer)

    def _attempt(
        self, each: Planned, placement: Placement, make: Callable[[], Artifact], tell: Callable[[int], None]
    ) -> None:
        """One output, or its twin when one was made already."""
        output = each.output
        key = (output.asset, placement, _visible_background(each), *(getattr(output, f) for f in _BYTES_DEPEND_ON))
        try:
            if key not in self._twins:
                with within_means(self._facts.format):
                    self._twins[key] = make()
        except TelecineError as e:
            self._failed[place_of(output)] = e
        else:
            self.made[place_of(output)] = _renamed(self._twins[key], output)
            self._found(output).made += 1
            tell(len(self.made))

    def _found(self, output: ImageOutput) -> Findings:
        return self.findings.setdefault(f"image/{output.asset}", Findings())

    def _animation(self, each: Planned) -> Artifact:
        output, placement = each.output, each.placement
        carried = carried_by(output, self._embedded, placement.canvas, "RGBA", None, self._notes)
        data, frames, seconds = animate(self._source, self._facts, placement, output, carried, self._notes)
        verify(data, output, placement.canvas, frames)
        return self._write(data, output, placement, seconds)

    def _lower_qualities(self, output: ImageOutput) -> list[int]:
        """Qualities to try when an output came out larger than a source of its own size."""
        lossy = output.format in _LOSSY_OUTPUTS and not output.lossless and self._facts.format in _LOSSY_SOURCES
        if output.allow_larger or not lossy:
            return []
        return [q for step in _LOWER_BY if (q := quality_of(output) - step) >= 30]

    def _write(
        self, data: bytes, output: ImageOutput, placement: Placement, duration_s: float | None = None
    ) -> Artifact:
        path = f"{output.asset}/{output.file_name}"
        target = self._out_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return Artifact(
            asset=f"image/{output.asset}",
            name=output.name,
            path=path,
            mime=output.format.mime,
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            width=placement.canvas[0],
            height=placement.canvas[1],
            duration_s=duration_s,
        )

    def _make_preview(self, renderer: Renderer) -> None:
        with within_means(self._facts.format):
            self.preview = preview(renderer.render(place(self._facts.displayed, _PREVIEW), _PREVIEW))


def _carries_profile(format: ImageFormat, mode: str) -> bool:
    """Whether a format can say what colours of a layout mean: GIF never can, and WebP knows no grey."""
    return format is not ImageFormat.GIF and not (format is ImageFormat.WEBP and mode.startswith("L"))


def _placed_smartly(each: Planned, picture: Picture, facts: ImageFacts) -> Placement:
    if each.output.anchor != "smart":
        return each.placement
    return each.placement.moved(smart_crop(picture.image, picture.extent, facts.displayed, each.placement.crop))


def _visible_background(each: Planned) -> str | None:
    """The background, where it can show."""
    boxed = each.placement.canvas != each.placement.size
    return each.output.background if boxed or each.output.format in (ImageFormat.JPEG, ImageFormat.GIF) else None


def _renamed(twin: Artifact, output: ImageOutput) -> Artifact:
    """The artifact under this output's name; twins (equal pixels and settings) share one file."""
    return Artifact(
        asset=f"image/{output.asset}",
        name=output.name,
        path=twin.path,
        mime=twin.mime,
        size_bytes=twin.size_bytes,
        sha256=twin.sha256,
        width=twin.width,
        height=twin.height,
        duration_s=twin.duration_s,
    )
