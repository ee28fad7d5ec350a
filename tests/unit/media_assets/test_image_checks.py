"""Asset checks of images sum up what was found out about a run's outputs."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import dagster as dg

from media_assets.checks import LOOKS_RIGHT, NOT_LARGER, VERIFIED, ImageChecks, image_check_specs
from telecine.assets import IMAGE_ASSETS
from telecine.image.verify import Findings
from telecine.ledger import Job
from telecine.worker import Outcome


def outcome(key: str, findings: dict[str, Findings], **values: Any) -> Outcome:
    empty: dict[str, Any] = {field.name: None for field in fields(Job)}
    told = {"findings": {asset: found.as_json() for asset, found in findings.items()}}
    return Outcome(Job(**empty | {"key": key}), "COMPLETED", private_facts=told, **values)


def by_name(checks: ImageChecks) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    return {(e.asset_key.to_user_string(), e.check_name): e for e in checks.evaluations()}


def test_good_outputs_pass_every_check() -> None:
    checks = ImageChecks(IMAGE_ASSETS)
    for number in range(3):
        found = Findings(made=7, looked_at=2, ssim_sum=1.9, ssim_least=0.93)
        checks.add(outcome(f"{number}.jpg", {"image/renditions": found, "image/thumbnails": Findings(made=1)}))
    found_by = by_name(checks)
    assert all(e.passed for e in found_by.values())
    looked = found_by["image/renditions", LOOKS_RIGHT].metadata
    assert looked["outputs"].value == 21
    assert looked["looked_at"].value == 6
    assert looked["ssim_mean"].value == 0.95
    assert looked["ssim_least"].value == 0.93
    # Nothing was looked at there, so nothing is claimed.
    assert ("image/thumbnails", LOOKS_RIGHT) not in found_by
    assert found_by["image/thumbnails", VERIFIED].metadata["outputs"].value == 3


def test_what_is_wrong_is_named_and_only_what_was_not_published_is_an_error() -> None:
    checks = ImageChecks(["image/renditions"])
    found = Findings(made=2, looked_at=1, ssim_sum=0.4, ssim_least=0.4, unlike=["a.webp"], larger=["b.png"])
    checks.add(outcome("x.jpg", {"image/renditions": found}))
    checks.add(outcome("y.jpg", {}, error_code="VERIFY_FAILED", error_message="Output 'a' is 1 x 1 pixels."))
    found_by = {name: e for (_, name), e in by_name(checks).items()}
    assert [e.passed for e in found_by.values()] == [False, False, False]
    assert found_by[VERIFIED].severity is dg.AssetCheckSeverity.ERROR
    assert "y.jpg: Output 'a'" in found_by[VERIFIED].metadata["outputs concerned"].value  # type: ignore[operator]
    assert found_by[LOOKS_RIGHT].severity is dg.AssetCheckSeverity.WARN
    assert "x.jpg: a.webp" in found_by[LOOKS_RIGHT].metadata["outputs concerned"].value  # type: ignore[operator]
    assert "x.jpg: b.png" in found_by[NOT_LARGER].metadata["outputs concerned"].value  # type: ignore[operator]


def test_a_run_without_images_says_nothing() -> None:
    assert by_name(ImageChecks(IMAGE_ASSETS)) == {}


def test_every_check_has_a_sentence_that_says_what_it_means() -> None:
    specs = image_check_specs(IMAGE_ASSETS)
    assert len(specs) == 6
    assert all(spec.description and spec.description.endswith(".") for spec in specs)
