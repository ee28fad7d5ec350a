"""A video's three steps as functions that hand each other plain data: plan -> encode -> finish.

Each may run in a process of its own. Belongs here: calling the video room for a job. Doesn't belong here: how a video
is made (telecine/video, telecine/stream), the asset graph (media_assets/videos.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from telecine.errors import ErrorCode, NotOurs
from telecine.file_job import FileJob, LedgerSink
from telecine.ledger import Ledger, attempts
from telecine.ledger import jobs as job_rows
from telecine.probe import probe
from telecine.recipe import parse_recipe
from telecine.settings import Settings
from telecine.storage import ObjectStore
from telecine.video.encode import Encoded, encode
from telecine.video.finish import finish
from telecine.video.plan import VideoPlan, plan_video
from telecine.worker import HeldClaim, Outcome

VIDEO_ASSETS = ("video/metadata", "video/renditions", "video/thumbnails", "video/hls", "video/dash")


@dataclass(frozen=True)
class Baton:
    """What one step hands to the next: ids and JSON, nothing that lives in a process."""

    claim_id: str
    job_id: str
    generation: int
    directory: str
    plan: str
    encoded: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The baton that `to_dict` wrote."""
        return cls(**data)


def resume(ledger: Ledger, store: ObjectStore, settings: Settings, held: HeldClaim, baton: Baton) -> FileJob:
    """The job in the step after: nothing is begun again.

    Raises:
        NotOurs: FENCED when the job was taken over or ended between the steps.
    """
    job = ledger.do(job_rows.get, [baton.job_id])[baton.job_id]
    if job.claim_id != baton.claim_id or job.generation != baton.generation or job.status.is_final:
        raise NotOurs(ErrorCode.FENCED, f"job {job.job_id} was taken over by a newer attempt, or ended")
    return FileJob(ledger, store, settings, held, job, baton.generation, Path(baton.directory))


def plan_step(work: FileJob, sink: LedgerSink) -> Baton | None:
    """Download, probe and plan; None when the file turned out to be sound only and was put back as audio."""
    work.download()
    sink.report("ANALYSIS", 0.5, {})
    facts = probe(work.source, work.cancel)
    if facts.kind == "audio":
        work.ledger.do(attempts.reclassify, work.job.job_id, work.generation, "audio")
        return None
    plan = plan_video(facts, parse_recipe(work.job.recipe, f"of job {work.job.job_id}"))
    sink.report("ANALYSIS", 1.0, {})
    return Baton(work.held.claim_id, work.job.job_id, work.generation, str(work.directory), plan.to_json())


def encode_step(work: FileJob, baton: Baton, wanted: Collection[str], sink: LedgerSink) -> Baton:
    """Encode all rungs in one go."""
    encode_dir = work.directory / "encode"
    encode_dir.mkdir(exist_ok=True)
    encoded = encode(
        VideoPlan.from_json(baton.plan), work.source, encode_dir, sink, work.cancel, select=frozenset(wanted)
    )
    return Baton(**{**baton.to_dict(), "encoded": encoded.to_json()})


def finish_step(work: FileJob, baton: Baton, wanted: Collection[str], sink: LedgerSink) -> Outcome:
    """Package, take stills, verify, publish."""
    plan = VideoPlan.from_json(baton.plan)
    out_dir = work.directory / "out"
    out_dir.mkdir(exist_ok=True)
    result = finish(
        plan,
        Encoded.from_json(baton.encoded),
        work.source,
        out_dir,
        sink,
        work.cancel,
        select=frozenset(wanted),
    )
    return work.publish(result, out_dir, plan.assets & frozenset(wanted), wanted)
