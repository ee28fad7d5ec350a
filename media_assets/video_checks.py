"""The asset check of videos: figures of quality against their floors.

The figures come with the outcome (telecine/video/quality); nothing is decoded here. Never blocking: a low figure is
worth a look, and what is broken isn't published at all. https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Iterator

import dagster as dg

from media_assets.checks import LOOKS_RIGHT
from telecine.worker import Outcome

RENDITIONS = dg.AssetKey(["video", "renditions"])
video_check_specs = [
    dg.AssetCheckSpec(
        LOOKS_RIGHT,
        asset=RENDITIONS,
        description="Samples of every rendition, compared with what its encoder got (SSIM, XPSNR) and, scaled up, with "
        "the largest rendition's original (VMAF).",
    )
]


def video_checks(outcome: Outcome) -> Iterator[dg.AssetCheckResult]:
    """The check's result; none when nothing was compared because nobody asked for it."""
    verdict = outcome.private_facts.get("quality")
    if not verdict or RENDITIONS.to_user_string() not in outcome.made:
        return
    renditions = outcome.private_facts.get("renditions", {})
    metadata: dict[str, object] = {"frames": verdict["frames"]}
    for figure in ("ssim", "xpsnr_db", "vmaf"):
        values = [made[figure] for made in renditions.values() if made.get(figure) is not None]
        if values:
            metadata[f"least {figure}"] = min(values)
    if verdict["below"]:
        metadata["below their floors"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in verdict["below"]))
    if verdict["failed"]:
        metadata["not compared"] = verdict["failed"]
    yield dg.AssetCheckResult(
        asset_key=RENDITIONS,
        check_name=LOOKS_RIGHT,
        passed=not verdict["below"] and not verdict["failed"],
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,  # type: ignore[arg-type]
    )
