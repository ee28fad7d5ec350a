"""Asset checks of streams: which rules of HLS and DASH streams were found to keep before publishing.

The verdicts come with the outcome (telecine/stream/verify); nothing is read here. A stream that breaks a MUST isn't
published, and its check is an error; what should be kept and isn't is worth a look. A video is a run of its own; of
sound files a run has many, and one evaluation sums them up (checks.py).
https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Collection, Iterator
from typing import Any

import dagster as dg

from media_assets.checks import VERIFIED
from telecine.worker import Outcome

VIDEO_STREAMS = ("video/hls", "video/dash")
AUDIO_STREAMS = ("audio/hls", "audio/dash")
_COUNTS = {"rules kept": "pass", "rules broken": "fail", "not applicable": "n/a"}
_SHOWN = 20


def stream_check_specs(assets: Collection[str]) -> list[dg.AssetCheckSpec]:
    """The check of each stream."""
    return [
        dg.AssetCheckSpec(
            VERIFIED,
            asset=dg.AssetKey(asset.split("/")),
            description="Segments, playlists and manifest beside each other, rule by rule (docs/verify.md); a stream "
            "that breaks a MUST was not published.",
        )
        for asset in assets
    ]


def stream_checks(outcome: Outcome) -> Iterator[dg.AssetCheckResult]:
    """The result for each stream of a video that this attempt made or refused."""
    found = outcome.private_facts.get("streams", {})
    for asset in VIDEO_STREAMS:
        if asset in found:
            yield dg.AssetCheckResult(**_summed_up(asset, {"": found[asset]}))


class StreamChecks:
    """Sums up a run's outcomes."""

    def __init__(self, assets: Collection[str]) -> None:
        self._found: dict[str, dict[str, dict[str, Any]]] = {asset: {} for asset in assets}

    def add(self, outcome: Outcome) -> None:
        """One file's outcome, made or not."""
        for asset, verdict in outcome.private_facts.get("streams", {}).items():
            if asset in self._found:
                self._found[asset][f"{outcome.job.key}: "] = verdict

    def evaluations(self) -> Iterator[dg.AssetCheckEvaluation]:
        """The check of every stream that was made or refused."""
        for asset, found in self._found.items():
            if found:
                yield dg.AssetCheckEvaluation(**_summed_up(asset, found))


def _summed_up(asset: str, verdicts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What one stream's check says, from verdicts by what their broken rules are introduced with."""
    refused = any("refused" in verdict for verdict in verdicts.values())
    passed = [verdict for verdict in verdicts.values() if "refused" not in verdict]
    # What wasn't published comes first, so that it is among those shown.
    ranked = sorted(verdicts.items(), key=lambda found: "refused" not in found[1])
    broken = [f"{name}{line}" for name, v in ranked for line in v.get("refused") or v.get("broken") or ()]
    metadata: dict[str, Any] = {}
    if passed:
        metadata = {said: sum(verdict[count] for verdict in passed) for said, count in _COUNTS.items()}
    if broken:
        metadata["broken"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in broken[:_SHOWN]))
    return {
        "asset_key": dg.AssetKey(asset.split("/")),
        "check_name": VERIFIED,
        "passed": not broken,
        "severity": dg.AssetCheckSeverity.ERROR if refused else dg.AssetCheckSeverity.WARN,
        "metadata": metadata,
    }
