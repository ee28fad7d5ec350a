"""Cover art: the picture in a sound file, taken out as it is and made by the image room in a process of its own.

Covers come from strangers like any picture: the image room's limits hold, and a picture that brings its process down
costs nothing but itself. Run as a program (`python -m telecine.sound.cover`) this module is that process. Doesn't
belong here: making pictures (telecine/image).
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from telecine.artifact import Artifact
from telecine.errors import ErrorCode, InputError, ResourceError, SystemFault, TelecineError
from telecine.process import Limits, run
from telecine.recipe.cover import Cover
from telecine.recipe.image import ImageOutput
from telecine.recipe.image_format import ImageFormat
from telecine.sniff import HEAD_BYTES, sniff
from telecine.sound.command import cover_argv
from telecine.sound.plan import THUMBNAILS
from telecine.tools import ffmpeg_path

_LARGEST_BYTES = 64 * 2**20
_LIMITS = Limits(wall_s=120, memory_bytes=4 * 2**30)
_PREVIEW = "preview.jpg"


@dataclass(frozen=True, slots=True)
class Framed:
    """Covers that were made.

    Attributes:
        artifacts: by the recipe's order; empty when the picture can't be used.
        warnings: sentences for the manifest, also about why it can't.
        preview: small JPEG for the Dagster UI, or None.
    """

    artifacts: tuple[Artifact, ...] = ()
    warnings: tuple[str, ...] = ()
    preview: bytes | None = None


def make_covers(
    covers: Sequence[Cover], picture: int, source: Path, scratch: Path, out_dir: Path, cancel: threading.Event
) -> Framed:
    """Make the pictures that a recipe wants of a cover. A damaged or hostile one is left out with a warning.

    Args:
        picture: stream index of the cover.
        scratch: an existing directory for working files.

    Raises:
        NotOurs: canceled.
        TelecineError: something is wrong here, not with the picture.
    """
    raw = scratch / "cover"
    try:
        limits = Limits(wall_s=120, file_bytes=_LARGEST_BYTES)
        run(cover_argv(ffmpeg_path(), picture, source, raw), limits=limits, cancel=cancel)
        told = _in_a_process(covers, raw, scratch, out_dir, cancel)
    except (InputError, ResourceError) as e:
        return Framed(warnings=(f"The cover art was left out: {e.message}",))
    preview = scratch / _PREVIEW
    return Framed(
        artifacts=tuple(Artifact(**made) for made in told["artifacts"]),
        warnings=tuple(told["warnings"]),
        preview=preview.read_bytes() if preview.exists() else None,
    )


def _in_a_process(
    covers: Sequence[Cover], raw: Path, scratch: Path, out_dir: Path, cancel: threading.Event
) -> dict[str, Any]:
    words = [json.dumps([cover.model_dump() for cover in covers]), str(raw), str(scratch / _PREVIEW), str(out_dir)]
    try:
        finished = run([sys.executable, "-I", "-m", __name__, *words], limits=_LIMITS, cancel=cancel)
    except SystemFault as e:  # it crashed: no fault of a file that we know ends like that
        raise InputError(ErrorCode.CORRUPT_MEDIA, "the picture can't be decoded", e.details) from None
    told: dict[str, Any] = json.loads(finished.stdout)
    if "error" in told:
        raise InputError(ErrorCode[told["code"]], told["error"])
    return told


def _make(covers: Sequence[Cover], raw: Path, preview: Path, out_dir: Path) -> dict[str, Any]:
    """What the process does: its answer, JSON-ready."""
    from telecine.image import process_image  # only here: the parent needs no decoders

    with raw.open("rb") as f:
        sniffed = sniff(f.read(HEAD_BYTES))
    if sniffed.kind != "image":
        raise InputError(ErrorCode.UNSUPPORTED_MEDIA, f"it is {sniffed.format}, not a picture")
    result = process_image(raw, sniffed, [_output(cover) for cover in covers], out_dir)
    if result.failures:
        raise result.failures[0].error
    if result.preview is not None:
        preview.write_bytes(result.preview)
    made = [asdict(replace(artifact, asset=THUMBNAILS)) for artifact in result.artifacts]
    return {"artifacts": made, "warnings": [f"Cover art: {warning}" for warning in result.warnings]}


def _output(cover: Cover) -> ImageOutput:
    return ImageOutput(
        kind="image",
        asset="thumbnails",
        name=cover.name,
        format=ImageFormat(cover.format),
        width=cover.width,
        height=cover.width,
        quality=cover.quality,
    )


def _main(words: Sequence[str]) -> None:
    covers = [Cover.model_validate(each) for each in json.loads(words[0])]
    try:
        answer = _make(covers, *(Path(word) for word in words[1:]))
    except TelecineError as e:
        answer = {"error": e.message, "code": e.code.name}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    _main(sys.argv[1:])
