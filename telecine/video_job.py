"""A video's three steps as functions that hand each other plain data: plan -> encode -> finish.

Each may run in a process of its own. Belongs here: calling the video room for a job. Doesn't belong here: how a video
is made (telecine/video, telecine/stream), the asset graph (media_assets/videos.py).
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any, Self

from telecine.errors import ErrorCode, NotOurs
from telecine.eta import Estimate
from telecine.file_job import FileJob
from telecine.ledger import Ledger, attempts, estimates
from telecine.ledger import jobs as job_rows
from telecine.probe import probe
from telecine.recipe import parse_recipe
from telecine.reporter import Track
from telecine.settings import Settings
from telecine.storage import ObjectStore
from telecine.video.encode import Encoded, encode
from telecine.video.finish import finish
from telecine.video.memory import cores_that_fit
from telecine.video.missing import missing
from telecine.video.plan import VideoPlan, plan_video
from telecine.worker import HeldClaim, Outcome

VIDEO_ASSETS = ("video/metadata", "video/renditions", "video/thumbnails", "video/hls", "video/dash")
_STEPS_S = 8.0  # starting the processes of the two steps after planning, stills, packaging and uploading a short clip


@dataclass(frozen=True)
class Baton:
    """What one step hands to the next: ids and JSON, nothing that lives in a process.

    Attributes:
        estimate: how long the attempt is thought to take, in seconds: low, likely, high; and samples.
    """

    claim_id: str
    job_id: str
    generation: int
    directory: str
    plan: str
    estimate: tuple[float, float, float, int]
    encoded: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The baton that `to_dict` wrote."""
        return cls(**data)


def resume(ledger: Ledger, store: ObjectStore, settings: Settings, held: HeldClaim, baton: Baton) -> FileJob:
    """The job in the step after: nothing is begun again, and its time goes on.

    Raises:
        NotOurs: FENCED when the job was taken over or ended between the steps.
    """
    job = ledger.do(job_rows.get, [baton.job_id])[baton.job_id]
    if job.claim_id != baton.claim_id or job.generation != baton.generation or job.status.is_final:
        raise NotOurs(ErrorCode.FENCED, f"job {job.job_id} was taken over by a newer attempt, or ended")
    began = time.monotonic() - ledger.do(estimates.spent_s, job.job_id, baton.generation)
    directory, estimate = Path(baton.directory), Estimate(*baton.estimate)
    return FileJob(ledger, store, settings, held, job, baton.generation, directory, estimate, began)


def plan_step(work: FileJob, wanted: Collection[str], track: Track) -> Baton | None:
    """Download, probe and plan; None when the file turned out to be sound only and was put back as audio."""
    track.report("DOWNLOADING", 0.0, {"operation": "downloading"})
    work.download()
    track.report("ANALYSIS", 0.0, {"operation": "probing"})
    facts = probe(work.source, work.cancel)
    if facts.kind == "audio":
        track.end()
        work.ledger.do(attempts.reclassify, work.job.job_id, work.generation, "audio")
        return None
    plan = plan_video(facts, parse_recipe(work.job.recipe, f"of job {work.job.job_id}"))
    left, _ = missing(plan, frozenset(wanted), work.made)
    cores_that_fit(left)
    track.report("ANALYSIS", 1.0, {"operation": "planning"})
    return Baton(
        work.held.claim_id,
        work.job.job_id,
        work.generation,
        str(work.directory),
        plan.to_json(),
        astuple(work.estimate.informed(_seconds(plan, left, work))),
    )


def _seconds(plan: VideoPlan, left: VideoPlan, work: FileJob) -> float:
    """What the header lets expect of the whole attempt; a retry that needs no rung is over soon."""
    whole = sum(rung.pixels for rung in plan.rungs)
    share = sum(rung.pixels for rung in left.rungs) / whole if whole else 0.0
    return time.monotonic() - work.began + _STEPS_S + share * plan.estimate_seconds / work.settings.cpu_threads


def encode_step(work: FileJob, baton: Baton, wanted: Collection[str], track: Track) -> Baton:
    """Encode all rungs that are needed, in one go."""
    plan = VideoPlan.from_json(baton.plan)
    encode_dir = work.directory / "encode"
    encode_dir.mkdir(exist_ok=True)
    encoded = encode(plan, work.source, encode_dir, track, work.cancel, select=frozenset(wanted), made=work.made)
    return replace(baton, encoded=encoded.to_json(), estimate=astuple(track.estimate))


def finish_step(work: FileJob, baton: Baton, wanted: Collection[str], track: Track) -> Outcome:
    """Package, take stills, verify, publish."""
    plan = VideoPlan.from_json(baton.plan)
    out_dir = work.directory / "out"
    out_dir.mkdir(exist_ok=True)
    encoded = Encoded.from_json(baton.encoded)
    result = finish(plan, encoded, work.source, out_dir, track, work.cancel, select=frozenset(wanted), made=work.made)
    return work.publish(result, out_dir, wanted, track)
