"""Whether an output is what was asked for, before anything is published.

Every output: opens again, has the right format, size and frames, and carries nothing that its recipe forbids, read back
with Pillow. And a sample: decodes whole and looks like the picture it was made from. The sample costs at most 5 % of
what encoding costs: a process saves up that share and spends it on the next output that it can afford, so small outputs
are nearly always looked at and large ones every now and then.
"""

from __future__ import annotations

import io
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from PIL import Image

from telecine.errors import ErrorCode, SystemFault
from telecine.image.encode import flattened
from telecine.image.exif import directories
from telecine.image.faults import DECODER_FAULTS
from telecine.image.metadata import is_private
from telecine.image.png import metadata_chunks
from telecine.image.quality import quality_of
from telecine.image.similarity import ssim
from telecine.recipe.image import ImageFormat, ImageOutput

SHARE = 0.05
BROKEN_BELOW = 0.2
"""SSIM below which an output is broken rather than compressed hard. Faint noise at quality 30 reaches 0.6."""
_BROKEN_FROM_QUALITY = 30  # below that, and with few colours, white noise may look like anything
_FIRST_GUESS_S = 30e-9  # a pixel's decoding and comparing, before anything was measured
_PICTURE_INFO = {"exif", "xmp", "XML:com.adobe.xmp", "comment", "photoshop", "Comment", "xml:com.adobe.xmp"}


@dataclass(slots=True)
class Findings:
    """What was found out about the outputs of one asset of one file; adds up over files.

    Attributes:
        made: outputs that passed `verify`.
        looked_at: of those, outputs that were decoded and compared.
        ssim_sum, ssim_least: of those that were looked at.
        unlike: names of outputs that look worse than their quality promises.
        larger: names of outputs that take more bytes than a source of their own size.
    """

    made: int = 0
    looked_at: int = 0
    ssim_sum: float = 0.0
    ssim_least: float = 1.0
    unlike: list[str] = field(default_factory=list)
    larger: list[str] = field(default_factory=list)

    def saw(self, output: ImageOutput, alike: float) -> None:
        """One output was compared."""
        self.looked_at += 1
        self.ssim_sum += alike
        self.ssim_least = min(self.ssim_least, alike)
        if alike < floor_of(output):
            self.unlike.append(output.name)

    def as_json(self) -> dict[str, Any]:
        """For Dagster."""
        return asdict(self)


@dataclass(slots=True)
class Sampler:
    """What a process has saved up for looking at outputs, and what a look costs."""

    saved_s: float = 0.0
    pixel_s: dict[str, float] = field(default_factory=dict)

    def earn(self, encoding_s: float) -> None:
        """Put a share of the time an encode took aside."""
        self.saved_s += SHARE * encoding_s

    def affords(self, format: str, pixels: int) -> bool:
        """Whether there is enough for one more look."""
        return self.saved_s >= pixels * self.pixel_s.get(format, _FIRST_GUESS_S)

    def spend(self, format: str, pixels: int, seconds: float) -> None:
        """Pay for a look, and learn what it cost."""
        self.saved_s -= seconds
        known = self.pixel_s.get(format, seconds / pixels)
        self.pixel_s[format] = 0.7 * known + 0.3 * seconds / pixels


SAMPLER = Sampler()
"""This process's."""


def floor_of(output: ImageOutput) -> float:
    """SSIM that an output should reach. Grainy photos lie 0.1 below the means of quality.py, noise lower still."""
    if output.max_colors is not None or output.format is ImageFormat.GIF:
        return 0.3
    return 0.8 if quality_of(output) >= 60 else 0.5


def verify(data: bytes, output: ImageOutput, size: tuple[int, int], frames: int = 1) -> None:
    """Check a finished file by its header and metadata.

    Raises:
        SystemFault: VERIFY_FAILED, saying what is wrong.
    """
    try:
        with Image.open(io.BytesIO(data), formats=(output.format.value,)) as made:
            found, count = made.size, int(getattr(made, "n_frames", 1))
            leak = _leak(made, data, output)
    except DECODER_FAULTS as e:
        raise _failed(output, "was written but can't be opened again", e) from e
    if found != size:
        raise _failed(output, f"is {found[0]} x {found[1]} pixels instead of {size[0]} x {size[1]}")
    if count > frames:
        raise _failed(output, f"has {count} frames instead of {frames}")
    if leak:
        raise _failed(output, f"carries {leak}, which its recipe forbids")


def look_at(data: bytes, output: ImageOutput, expected: Image.Image) -> float:
    """Decode a finished still and compare it with the pixels it was made from; returns the SSIM.

    Raises:
        SystemFault: VERIFY_FAILED when it doesn't decode, or looks like something else.
    """
    try:
        with Image.open(io.BytesIO(data), formats=(output.format.value,)) as made:
            made.load()
            if not output.format.has_alpha:
                expected = flattened(expected, output.background)
            alike = ssim(made, expected)
    except DECODER_FAULTS as e:
        raise _failed(output, "was written but can't be decoded again", e) from e
    judged = output.max_colors is None and quality_of(output) >= _BROKEN_FROM_QUALITY
    if judged and alike < BROKEN_BELOW:
        raise _failed(output, f"doesn't look like its source (SSIM {alike:.2f})")
    return alike


def sampled_look(data: bytes, output: ImageOutput, expected: Image.Image, encoding_s: float) -> float | None:
    """`look_at`, when this process has saved enough for it; None when it hasn't.

    Raises:
        SystemFault: as `look_at`.
    """
    pixels = expected.width * expected.height
    SAMPLER.earn(encoding_s)
    if not SAMPLER.affords(output.format.value, pixels):
        return None
    started = time.perf_counter()
    try:
        return look_at(data, output, expected)
    finally:
        SAMPLER.spend(output.format.value, pixels, time.perf_counter() - started)


def _leak(made: Image.Image, data: bytes, output: ImageOutput) -> str | None:
    """What a file carries that it must not; None when it is as promised."""
    carries = {name for name in _PICTURE_INFO & made.info.keys() if made.info[name]}
    if output.format is ImageFormat.PNG:
        carries |= metadata_chunks(data) - {"iCCP", "eXIf"}
    if output.metadata == "strip_all":
        if output.color_profile == "srgb" and made.info.get("icc_profile"):
            carries.add("a colour profile")
        return ", ".join(sorted(carries)) or None
    if output.metadata != "preserve_technical" and not output.strip_private:
        return None
    if others := carries - {"exif"}:
        return ", ".join(sorted(others))
    for ifd, tags in directories(made.getexif()):
        if private := [tag for tag in tags if is_private(ifd, tag)]:
            return f"EXIF tag {private[0]}"
    return None


def _failed(output: ImageOutput, what: str, cause: Exception | None = None) -> SystemFault:
    return SystemFault(ErrorCode.VERIFY_FAILED, f"Output {output.name!r} {what}.", repr(cause) if cause else None)
