"""Asset checks of images: what was found out about outputs while they were made, summed up over a run.

Outputs are verified before they are published (telecine/image/verify); the checks make that visible. One evaluation a
check and run, because Dagster evaluates checks for a batch and not for a partition, and because each costs as much as a
materialization. https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Collection, Iterator

import dagster as dg

from telecine.worker import Outcome

VERIFIED = "verified_before_publishing"
LOOKS_RIGHT = "looks_like_its_source"
NOT_LARGER = "not_larger_than_its_source"
_SHOWN = 20


def image_check_specs(assets: Collection[str]) -> list[dg.AssetCheckSpec]:
    """Every check of every image asset."""
    descriptions = {
        VERIFIED: "Every output opened again with the promised size and without private metadata; what did not was "
        "not published.",
        LOOKS_RIGHT: "A sample of the outputs, decoded and compared with the pixels they were made from (SSIM).",
        NOT_LARGER: "No output takes more bytes than a source of its own dimensions, unless its recipe allows it.",
    }
    return [
        dg.AssetCheckSpec(name, asset=dg.AssetKey(asset.split("/")), description=text)
        for asset in assets
        for name, text in descriptions.items()
    ]


class ImageChecks:
    """Sums up a run's outcomes."""

    def __init__(self, assets: Collection[str]) -> None:
        self._assets = sorted(assets)
        self._made = dict.fromkeys(self._assets, 0)
        self._looked_at = dict.fromkeys(self._assets, 0)
        self._ssim_sum = dict.fromkeys(self._assets, 0.0)
        self._ssim_least = dict.fromkeys(self._assets, 1.0)
        self._unlike: dict[str, list[str]] = {asset: [] for asset in self._assets}
        self._larger: dict[str, list[str]] = {asset: [] for asset in self._assets}
        self._refused: list[str] = []

    def add(self, outcome: Outcome) -> None:
        """One file's outcome, made or not."""
        if outcome.error_code == "VERIFY_FAILED":
            self._refused.append(f"{outcome.job.key}: {outcome.error_message}")
        for asset, found in outcome.private_facts.get("findings", {}).items():
            if asset not in self._made:
                continue
            self._made[asset] += found["made"]
            self._looked_at[asset] += found["looked_at"]
            self._ssim_sum[asset] += found["ssim_sum"]
            self._ssim_least[asset] = min(self._ssim_least[asset], found["ssim_least"])
            self._unlike[asset] += [f"{outcome.job.key}: {name}" for name in found["unlike"]]
            self._larger[asset] += [f"{outcome.job.key}: {name}" for name in found["larger"]]

    def evaluations(self) -> Iterator[dg.AssetCheckEvaluation]:
        """The checks of every asset that was made or could not be."""
        for asset in self._assets:
            made, looked_at = self._made[asset], self._looked_at[asset]
            if not made and not self._refused:
                continue
            yield self._evaluation(asset, VERIFIED, self._refused, dg.AssetCheckSeverity.ERROR, outputs=made)
            if looked_at:
                yield self._evaluation(
                    asset,
                    LOOKS_RIGHT,
                    self._unlike[asset],
                    dg.AssetCheckSeverity.WARN,
                    outputs=made,
                    looked_at=looked_at,
                    ssim_mean=round(self._ssim_sum[asset] / looked_at, 4),
                    ssim_least=round(self._ssim_least[asset], 4),
                )
            yield self._evaluation(asset, NOT_LARGER, self._larger[asset], dg.AssetCheckSeverity.WARN, outputs=made)

    def _evaluation(
        self, asset: str, name: str, problems: list[str], severity: dg.AssetCheckSeverity, **numbers: float
    ) -> dg.AssetCheckEvaluation:
        metadata: dict[str, object] = dict(numbers)
        if problems:
            metadata["outputs concerned"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in problems[:_SHOWN]))
        return dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(asset.split("/")),
            check_name=name,
            passed=not problems,
            severity=severity,
            metadata=metadata,  # type: ignore[arg-type]
        )
