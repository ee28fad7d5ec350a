"""Publishing: once the outputs are uploaded (telecine/upload), the ledger's compare-and-set, then manifest.json.

The ledger row is the truth; manifest.json follows it. Whoever writes manifest.json reads its present version before
the ledger and replaces only that version, so a worker that was frozen between the two steps can't put an old
manifest over a newer one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import structlog

from telecine.errors import ConfigurationError, ErrorCode, NotOurs, TelecineError, TransientError
from telecine.ledger import Job, Ledger, generations
from telecine.manifest import SourceRef, build_manifest
from telecine.partition import manifest_key
from telecine.recipe import parse_recipe
from telecine.settings import Settings
from telecine.sniff import Kind
from telecine.storage import ObjectStore

log = structlog.get_logger(__name__)


def carry_forward(
    previous: Mapping[str, Any] | None, wanted: Collection[str], kind: str, source_etag: str
) -> tuple[list[dict[str, Any]], list[str]]:
    """Outputs of assets that this run wasn't asked for, from the manifest before it, and a warning when they are older.

    Outputs of another kind go: a photo replaced by a video of the same name has no use for the photo's thumbnails.
    """
    if previous is None or previous["source"]["kind"] != kind:
        return [], []
    kept = [output for output in previous["outputs"] if output["asset"] not in wanted]
    if kept and previous["source"]["etag"] != source_etag:
        assets = ", ".join(sorted({output["asset"] for output in kept}))
        return kept, [f"{assets} were made from an earlier version of the source"]
    return kept, []


def write_manifest(ledger: Ledger, store: ObjectStore, bucket: str, partition: str) -> None:
    """Bring manifest.json in line with the ledger; harmless to repeat.

    Raises:
        TransientError: STORE_UNAVAILABLE; recovery tries again.
    """
    key = manifest_key(partition)
    for _ in range(5):
        there = store.stat(bucket, key)
        current = ledger.do(generations.current, partition)
        if current is None:
            return
        generation, manifest = current
        try:
            store.replace(
                bucket,
                key,
                json.dumps(manifest, indent=1, ensure_ascii=False).encode(),
                mime="application/json",
                expected_etag=there.etag if there else None,
            )
        except NotOurs:
            continue  # somebody else wrote between our look and our put: look again
        newest = ledger.do(generations.current, partition)
        if newest is not None and newest[0] != generation:
            continue  # not every store decides conditional puts of the same instant one by one: have the last word
        ledger.do(generations.mark_written, partition, generation)
        return
    raise TransientError(ErrorCode.STORE_UNAVAILABLE, f"{key} kept changing while it was written")


def publish_outputs(
    ledger: Ledger,
    store: ObjectStore,
    config: Settings,
    job: Job,
    generation: int,
    facts: Mapping[str, Any],
    outputs: list[dict[str, Any]],
    warnings: tuple[str, ...],
    wanted: Collection[str],
) -> dict[str, Any]:
    """Carry forward what wasn't made, then compare-and-set, then manifest.json. Returns the manifest.

    Raises:
        NotOurs: FENCED; nothing was published.
        TelecineError: NO_OUTPUTS when the recipe has nothing for this kind of file.
    """
    previous = ledger.do(generations.current, job.partition)
    kept, older = carry_forward(previous[1] if previous else None, wanted, job.kind, job.etag)
    if not outputs and not kept:
        raise ConfigurationError(
            ErrorCode.NO_OUTPUTS, f"the recipe of {job.key} has no outputs for {job.kind} files; add one to it"
        )
    recipe = parse_recipe(job.recipe, f"of job {job.job_id}")
    manifest = build_manifest(
        partition=job.partition,
        generation=generation,
        created_at=datetime.now(UTC),
        recipe_name=recipe.name,
        recipe_hash=recipe.hash,
        source=SourceRef(job.bucket, job.key, job.etag, job.size_bytes, cast(Kind, job.kind), facts),
        outputs=outputs + kept,
        warnings=[*warnings, *older],
    )
    ledger.do(generations.publish, job.job_id, job.partition, generation, manifest)
    try:
        write_manifest(ledger, store, config.output_bucket, job.partition)
    except TelecineError as e:
        # Published is published: the ledger says so, and recovery brings manifest.json in line within seconds.
        log.warning("manifest.late", job_id=job.job_id, partition=job.partition, code=e.code, reason=e.message)
    return manifest
