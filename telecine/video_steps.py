"""A video's three steps as functions that hand each other plain data: plan -> encode -> finish.

Belongs here: calling the video room for a job. Doesn't belong here: how a video is made (telecine/video,
telecine/stream), the asset graph (media_assets/videos.py).
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import astuple, replace

from telecine.file_job import FileJob
from telecine.ledger import attempts
from telecine.probe import MediaFacts, probe
from telecine.process import ambient
from telecine.recipe import parse_recipe
from telecine.reporter import Track
from telecine.sidecar import fetch_sidecars
from telecine.stream.keys import KeyRing
from telecine.tools import lacking_encoders
from telecine.vault import Vault
from telecine.video.captions import readable
from telecine.video.encode import Encoded, encode
from telecine.video.estimate import estimate_seconds
from telecine.video.finish import finish
from telecine.video.memory import cores_here, cores_that_fit
from telecine.video.missing import missing
from telecine.video.plan import VideoPlan, plan_video
from telecine.video_job import Baton
from telecine.worker import Outcome

_STEPS_S = 8.0  # starting the processes of the two steps after planning, stills, packaging and uploading a short clip


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
    plan, limit = _plan(facts, work), ambient()
    if limit.ends_at is not None:
        plan = plan.within(limit.ends_at - time.monotonic(), limit.threads or cores_here())
    left, _ = missing(plan, frozenset(wanted), work.made)
    cores_that_fit(left)
    track.report("ANALYSIS", 1.0, {"operation": "planning"})
    return Baton(
        work.held.claim_id,
        work.job.job_id,
        work.generation,
        str(work.directory),
        plan.to_json(),
        astuple(work.estimate.informed(_seconds(left, work))),
    )


def _plan(facts: MediaFacts, work: FileJob) -> VideoPlan:
    """The plan, with the caption files that lie beside the source now.

    Raises:
        InputError: INVALID_CAPTIONS when one can't be read and the recipe requires captions.
    """
    recipe = parse_recipe(work.job.recipe, f"of job {work.job.job_id}")
    streams = recipe.streams()
    if streams is not None and streams.protection is not None:
        Vault(work.store, work.settings)  # whose absence is better learnt before the encode
    if streams is None or streams.captions == "none":
        return plan_video(facts, recipe, lacking=lacking_encoders())
    found, unused = fetch_sidecars(work.store, work.job.bucket, work.job.key, work.directory)
    files, warnings = readable(found, required=streams.captions == "required")
    plan = plan_video(facts, recipe, files, lacking=lacking_encoders())
    return replace(plan, warnings=(*plan.warnings, *warnings, *unused))


def _seconds(left: VideoPlan, work: FileJob) -> float:
    """What the header lets expect of the whole attempt; a retry that needs no rung is over soon."""
    core_s = estimate_seconds(left.video, left.pictures, left.timing) if left.pictures else 0.0
    return time.monotonic() - work.began + _STEPS_S + core_s / work.settings.cpu_threads


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
    ring = KeyRing(work.job.partition, work.generation, work.settings.gateway_url.rstrip("/"))
    select = frozenset(wanted)
    result = finish(plan, encoded, work.source, out_dir, track, work.cancel, select=select, made=work.made, ring=ring)
    if ring.keys:
        Vault(work.store, work.settings).keep(ring)
    return work.publish(result, out_dir, wanted, track)
