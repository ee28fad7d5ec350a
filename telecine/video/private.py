"""What Dagster is told of a video beside its manifest and the probe's sheet: how each rendition was made, and how good.

JSON-ready and small, because metadata that isn't freezes the UI. Doesn't belong here: drawing it
(media_assets/video_tables.py), what everybody may know (describe.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telecine.artifact import Artifact
from telecine.video.encode import Encoded
from telecine.video.plan import RENDITIONS, VideoPlan
from telecine.video.quality import Quality, below_floors
from telecine.video.quality_plot import Point, plot


def making(plan: VideoPlan, encoded: Encoded, quality: Sequence[Quality]) -> dict[str, dict[str, Any]]:
    """For each rendition by name: frames a second, how fast it was encoded (all at once), and its figures."""
    made: dict[str, dict[str, Any]] = {
        rung.name: {
            "fps": round(float(rung.pace(plan.timing).fps), 3),
            "speed": encoded.speed if rung.name in encoded.encoded else None,
        }
        for rung in plan.pictures
        if rung.name in encoded.videos
    }
    for found in quality:
        made[found.name] |= {"ssim": found.ssim, "xpsnr_db": found.xpsnr_db, "vmaf": found.vmaf}
    return made


def verdict(plan: VideoPlan, quality: Sequence[Quality], failed: str | None) -> dict[str, Any]:
    """What the asset check says: how many frames were compared, and what is below its floor.

    Args:
        failed: why nothing could be compared.
    """
    largest = max(plan.rungs or plan.pictures, key=lambda rung: rung.pixels).name
    return {
        "frames": max((found.frames for found in quality), default=0),
        "below": list(below_floors(quality, largest)),
        "failed": failed,
    }


def ladder_plot(plan: VideoPlan, artifacts: Sequence[Artifact], quality: Sequence[Quality]) -> bytes | None:
    """Bit rate against quality of the ladder's rungs, as SVG; None for fewer than two."""
    rates = {a.name: a.bitrate_bps for a in artifacts if a.asset == RENDITIONS and a.bitrate_bps}
    names = {rung.name for rung in plan.rungs}
    rungs = [found for found in quality if found.name in names and found.name in rates]
    if len(rungs) < 2:
        return None
    by_vmaf = all(found.vmaf is not None for found in rungs)
    points = [Point(f.name, rates[f.name] or 1, (f.vmaf or 0.0) if by_vmaf else f.xpsnr_db) for f in rungs]
    return plot(points, "VMAF" if by_vmaf else "XPSNR (dB)").encode()
