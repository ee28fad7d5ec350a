"""A claim of sound files, one after the other: each is seconds of work and ffmpeg uses the cores itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

from telecine.assets import AUDIO_ASSETS
from telecine.errors import NotOurs
from telecine.file_job import JobFailed, begin
from telecine.ledger import Ledger
from telecine.probe import probe
from telecine.recipe import parse_recipe
from telecine.settings import Settings
from telecine.sound.files import process_audio
from telecine.stages import AUDIO
from telecine.storage import ObjectStore
from telecine.video.audio_streams import add_streams, without_inputs
from telecine.worker import HeldClaim, Outcome


def run_audio_claim(
    ledger: Ledger, store: ObjectStore, settings: Settings, held: HeldClaim, say: Callable[[str], None]
) -> Iterator[Outcome]:
    """Work through a claim; yields each job's outcome as soon as it is published or failed."""
    for job in held.jobs():
        if held.lost.is_set():
            return
        try:
            work = begin(ledger, store, settings, held, job)
        except NotOurs as e:
            yield Outcome(job, "FENCED", error_code=e.code.value, error_message=e.message)
            continue
        try:
            with work.step(AUDIO, say) as track:
                track.report("DOWNLOADING", 0.0, {"operation": "downloading"})
                work.download()
                track.report("ANALYSIS", 0.0, {"operation": "probing"})
                facts = probe(work.source, work.cancel)
                recipe = parse_recipe(job.recipe, f"of job {job.job_id}")
                out_dir = work.directory / "out"
                out_dir.mkdir(exist_ok=True)
                made = without_inputs(recipe, work.made)
                result = process_audio(facts, work.source, recipe, out_dir, track, work.cancel, made=made)
                result = add_streams(result, facts, recipe, out_dir, work.made, work.cancel)
                outcome = work.publish(result, out_dir, AUDIO_ASSETS, track)
            yield outcome
        except JobFailed as e:
            yield e.outcome
        finally:
            shutil.rmtree(work.directory, ignore_errors=True)
