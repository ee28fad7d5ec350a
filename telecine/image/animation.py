"""Animations that stay animations: frames with their delays and loop count, as WebP or GIF.

Frames are taken as they are shown (Pillow applies disposal and blending), so every output frame is whole. Doesn't
belong here: stills of animations, which are made like any other picture from the first frame.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from telecine.errors import ErrorCode, InputError, ResourceError, SystemFault
from telecine.image import colour, palette
from telecine.image.encode import encoder_settings
from telecine.image.faults import DECODER_FAULTS, is_cut_off
from telecine.image.geometry import Placement
from telecine.image.header import ImageFacts, opened
from telecine.image.limits import ImageLimits
from telecine.image.metadata import Carried
from telecine.image.orient import upright
from telecine.image.quality import quality_of
from telecine.image.resize import finished, resized
from telecine.recipe.image import ImageFormat, ImageOutput

_BYTES_PER_PIXEL = 4
_BROWSERS_DELAY_MS = 100  # what browsers show a frame for that has no delay
_GIF_TICK_MS = 10


def check_animation(output: ImageOutput, placement: Placement, facts: ImageFacts, limits: ImageLimits) -> None:
    """Refuse an animation whose frames would need too much memory or time.

    Raises:
        InputError: LIMIT_EXCEEDED naming the output, the number and the limit.
    """
    work = facts.width * facts.height * facts.frames
    if work > limits.max_animation_pixels:
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED,
            f"The animation has {facts.frames} frames of {facts.width} x {facts.height} pixels, "
            f"{work / 1e6:,.0f} megapixels in all; the limit for output {output.name!r} and others that keep it is "
            f"{limits.max_animation_pixels / 1e6:,.0f}.",
        )
    width, height = placement.canvas
    needed = width * height * _BYTES_PER_PIXEL * facts.frames
    if needed > limits.max_memory_bytes:
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED,
            f"Output {output.name!r} has {facts.frames} frames of {width} x {height} pixels, which would take about "
            f"{needed / 1e6:,.0f} MB of memory; the limit is {limits.max_memory_bytes / 1e6:,.0f} MB. "
            "Give it a smaller width.",
        )


def animate(
    path: Path, facts: ImageFacts, placement: Placement, output: ImageOutput, carried: Carried, notes: list[str]
) -> tuple[bytes, int, float]:
    """One animated output: the file, its number of frames, and its length in seconds.

    Raises:
        InputError: CORRUPT_MEDIA or TRUNCATED_MEDIA.
        ResourceError: OUT_OF_MEMORY.
        SystemFault: ENCODE_FAILED.
    """
    frames, delays, plays = [], [], 1
    for image, delay_ms, times in _frames(path, facts, notes):
        made = finished(resized(image, placement, output, box=placement.crop), placement, output)
        frames.append(made)
        delays.append(delay_ms)
        plays = times
    if facts.format == "gif" and is_cut_off(path, "gif"):
        notes.append("The GIF lacks its end; the frames up to there were kept.")
    try:
        data = (
            _gif(frames, delays, plays, output, carried)
            if output.format is ImageFormat.GIF
            else _webp(frames, delays, plays, output, carried)
        )
    except MemoryError as e:
        raise ResourceError(
            ErrorCode.OUT_OF_MEMORY, f"There was not enough memory to write output {output.name!r}."
        ) from e
    except DECODER_FAULTS as e:
        raise SystemFault(
            ErrorCode.ENCODE_FAILED, f"Output {output.name!r} could not be written as {output.format.value}.", repr(e)
        ) from e
    return data, len(frames), sum(delays) / 1000


def _frames(path: Path, facts: ImageFacts, notes: list[str]) -> Iterator[tuple[Image.Image, int, int]]:
    """Every frame upright and in sRGB, its delay in milliseconds, and how often all are played (0: for ever)."""
    with opened(path, facts.format) as image:
        # The still that an animated PNG shows in old programs is no frame of it.
        first = 1 if image.info.get("default_image") else 0
        icc = image.info.get("icc_profile")
        for number in range(first, facts.frames):
            try:
                image.seek(number)
                image.load()
            except DECODER_FAULTS:
                if number == first:
                    raise
                notes.append(
                    f"The animation is damaged behind frame {number - first}; the frames up to there were kept."
                )
                return
            frame = colour.to_srgb(colour.plain(image, facts.bit_depth), icc, notes)
            frame = upright(frame, facts.orientation)
            if frame is image:
                frame = image.copy()
            frame.info = {}
            yield frame, round(image.info.get("duration") or 0), _plays(image, facts.format)


def _plays(image: Image.Image, format: str) -> int:
    """How often an animation is shown; 0: for ever. A GIF counts the repetitions after the first time."""
    loop = image.info.get("loop")
    if format == "gif":
        return 1 if loop is None else 0 if loop == 0 else int(loop) + 1
    return int(loop or 0)


def _webp(frames: list[Image.Image], delays: list[int], plays: int, output: ImageOutput, carried: Carried) -> bytes:
    settings: dict[str, Any] = encoder_settings(output, quality_of(output))
    settings.pop("exact", None)
    exif = (carried.exif or b"").removeprefix(b"Exif\0\0")
    for name, value in (("exif", exif), ("xmp", carried.xmp), ("icc_profile", carried.icc)):
        if value:
            settings[name] = value
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=[delay or _BROWSERS_DELAY_MS for delay in delays],
        loop=plays,
        background=(0, 0, 0, 0),
        **settings,
    )
    return buffer.getvalue()


def _gif(frames: list[Image.Image], delays: list[int], plays: int, output: ImageOutput, carried: Carried) -> bytes:
    mapped = [palette.for_gif(frame, output.max_colors or 256, output.background) for frame in frames]
    transparent = any(index is not None for _, index in mapped)
    pictures = []
    for picture, index in mapped:
        if index is not None:
            picture.info["transparency"] = index
        pictures.append(picture)
    options: dict[str, Any] = {"comment": carried.comment[:60_000]} if carried.comment else {}
    if plays != 1:
        options["loop"] = max(plays - 1, 0)
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=[max(0, round(delay / _GIF_TICK_MS)) * _GIF_TICK_MS for delay in delays],
        disposal=2 if transparent else 1,
        optimize=False,
        **options,
    )
    return buffer.getvalue()
