"""Each output's own status within a job: which are published, which failed, which a retry still has to make.

Pure: rows of `jobs.outputs` in, rows out. Doesn't belong here: writing them (attempts.py, generations.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from telecine.artifact import OutputFailure

Place = tuple[str, str]
"""(asset, name): unique within a job."""


def made(rows: Iterable[Mapping[str, Any]]) -> frozenset[Place]:
    """Outputs that an earlier attempt at the same job published."""
    return frozenset((row["asset"], row["name"]) for row in rows if row["status"] == "COMPLETED")


def after_attempt(
    before: Sequence[Mapping[str, Any]],
    published: Iterable[Mapping[str, Any]],
    failures: Iterable[OutputFailure],
    generation: int,
) -> list[dict[str, Any]]:
    """Statuses once an attempt ended.

    Args:
        before: the job's rows when the attempt began.
        published: the outputs of the manifest this attempt published, of its own making.
        failures: outputs it could not make.
    """
    rows: dict[Place, dict[str, Any]] = {(row["asset"], row["name"]): dict(row) for row in before}
    for output in published:
        rows[output["asset"], output["name"]] = _row(output["asset"], output["name"], "COMPLETED", generation)
    for failure in failures:
        rows[failure.asset, failure.name] = {
            **_row(failure.asset, failure.name, "FAILED", generation),
            "error_code": failure.error.code.value,
            "error_message": failure.error.message,
        }
    return list(rows.values())


def _row(asset: str, name: str, status: str, generation: int) -> dict[str, Any]:
    return {
        "asset": asset,
        "name": name,
        "status": status,
        "generation": generation,
        "error_code": None,
        "error_message": None,
    }
