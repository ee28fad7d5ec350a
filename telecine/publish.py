"""Publishing: once the outputs are uploaded (telecine/upload), the ledger's compare-and-set, then manifest.json.

The ledger row is the truth; manifest.json follows it. Whoever writes manifest.json reads its present version before
the ledger and replaces only that version, so a worker that was frozen between the two steps can't put an old
manifest over a newer one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import structlog

from telecine.artifact import OutputFailure
from telecine.errors import ConfigurationError, ErrorCode, NotOurs, Retry, TelecineError, TransientError
from telecine.ledger import Job, JobStatus, Ledger, generations, outputs
from telecine.machine import Pressure
from telecine.manifest import SourceRef, build_manifest
from telecine.partition import manifest_key
from telecine.recipe import parse_recipe
from telecine.settings import Settings
from telecine.sniff import Kind
from telecine.storage import ObjectStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """What an attempt published, and how its job stands now.

    Attributes:
        status: COMPLETED; PENDING or FAILED when some outputs could not be made.
        failure: why some are missing, or None.
    """

    manifest: dict[str, Any]
    status: JobStatus
    failure: TelecineError | None


def carry_forward(
    previous: Mapping[str, Any] | None,
    wanted: Collection[str],
    kind: str,
    source_etag: str,
    made: Sequence[Mapping[str, Any]] = (),
) -> tuple[list[dict[str, Any]], list[str]]:
    """Outputs that this run wasn't asked for, from the manifest before it, and a warning when they are older.

    Those are all outputs of other assets, and what earlier attempts at the same job made (`made`, manifest entries).

    Outputs of another kind go: a photo replaced by a video of the same name has no use for the photo's thumbnails.
    """
    mine = [dict(output) for output in made]
    if previous is None or previous["source"]["kind"] != kind:
        return mine, []
    places = {(output["asset"], output["name"]) for output in mine}
    kept = [o for o in previous["outputs"] if o["asset"] not in wanted and (o["asset"], o["name"]) not in places]
    if kept and previous["source"]["etag"] != source_etag:
        assets = ", ".join(sorted({output["asset"] for output in kept}))
        return mine + kept, [f"{assets} were made from an earlier version of the source"]
    return mine + kept, []


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
        # Not every store decides conditional puts of the same instant one by one: have the last word.
        if ledger.do(generations.mark_written, partition, generation):
            return
    raise TransientError(ErrorCode.STORE_UNAVAILABLE, f"{key} kept changing while it was written")


def publish_outputs(
    ledger: Ledger,
    store: ObjectStore,
    config: Settings,
    job: Job,
    generation: int,
    facts: Mapping[str, Any],
    made: list[dict[str, Any]],
    warnings: tuple[str, ...],
    wanted: Collection[str],
    failures: Sequence[OutputFailure] = (),
) -> Published:
    """Carry forward what wasn't made, then compare-and-set, then manifest.json.

    Args:
        made: manifest entries of this attempt's outputs, uploaded and verified.
        failures: outputs that it could not make; the others are published all the same.

    Raises:
        NotOurs: FENCED; nothing was published.
        TelecineError: NO_OUTPUTS when the recipe has nothing for this kind of file.
    """
    previous, before = ledger.do(generations.before, job.partition, job.outputs)
    kept, older = carry_forward(previous[1] if previous else None, wanted, job.kind, job.etag, before)
    if not made and not kept:
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
        outputs=made + kept,
        warnings=[*warnings, *older, *[f"{f.asset} {f.name} was not made: {f.error}" for f in failures]],
    )
    # One that another attempt may make good decides what happens to the job.
    failure = (
        next((f.error for f in failures if f.error.retry is not Retry.NEVER), failures[0].error) if failures else None
    )
    status = ledger.do(
        generations.publish,
        job.job_id,
        job.partition,
        generation,
        manifest,
        outputs=outputs.after_attempt(job.outputs, made, failures, generation),
        failure=failure,
        resources=Pressure.look(config.scratch).as_json() if failure else None,
    )
    try:
        write_manifest(ledger, store, config.output_bucket, job.partition)
    except TelecineError as e:
        # Published is published: the ledger says so, and recovery brings manifest.json in line within seconds.
        log.warning("manifest.late", job_id=job.job_id, partition=job.partition, code=e.code, reason=e.message)
    return Published(manifest, status, failure)
