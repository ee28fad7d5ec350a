"""Asset checks of streams: which rules of HLS and DASH a video's streams were found to keep before publishing.

The verdicts come with the outcome (telecine/stream/verify); nothing is read here. A stream that breaks a MUST isn't
published, and its check is an error; what should be kept and isn't is worth a look.
https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Iterator

import dagster as dg

from media_assets.checks import VERIFIED
from telecine.worker import Outcome

_STREAMS = ("video/hls", "video/dash")
_SHOWN = 20

stream_check_specs = [
    dg.AssetCheckSpec(
        VERIFIED,
        asset=dg.AssetKey(asset.split("/")),
        description="Segments, playlists and manifest beside each other, rule by rule (docs/verify.md); a stream that "
        "breaks a MUST was not published.",
    )
    for asset in _STREAMS
]


def stream_checks(outcome: Outcome) -> Iterator[dg.AssetCheckResult]:
    """The result for each stream that this attempt made or refused."""
    found = outcome.private_facts.get("streams", {})
    for asset in _STREAMS:
        if asset not in found:
            continue
        verdict = found[asset]
        refused = verdict.get("refused")
        broken = refused or verdict["broken"]
        metadata: dict[str, object] = {}
        if refused is None:
            metadata = {
                "rules kept": verdict["pass"],
                "rules broken": verdict["fail"],
                "not applicable": verdict["n/a"],
            }
        if broken:
            metadata["broken"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in broken[:_SHOWN]))
        yield dg.AssetCheckResult(
            asset_key=dg.AssetKey(asset.split("/")),
            check_name=VERIFIED,
            passed=not broken,
            severity=dg.AssetCheckSeverity.ERROR if refused else dg.AssetCheckSeverity.WARN,
            metadata=metadata,  # type: ignore[arg-type]
        )
