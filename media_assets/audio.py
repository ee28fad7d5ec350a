"""Audio assets: sound files for sources without a moving picture."""

import dagster as dg

from media_assets.claim_work import Context, bind, fail_if_any, hold, tell
from media_assets.hooks import hooks
from media_assets.materializations import materializations, source_pointers
from media_assets.partitions import audio_files
from media_assets.stream_checks import AUDIO_STREAMS, StreamChecks, stream_check_specs
from resources import LedgerResource, ObjectStoreResource
from telecine import __version__
from telecine.assets import AUDIO_ASSETS

_DESCRIPTIONS = {
    "audio/renditions": "The sound in the formats that its recipe asks for.",
    "audio/thumbnails": "Its waveform, and its cover art when it carries any.",
    "audio/hls": "HLS playlists over the CMAF segments, one variant for each AAC rendition.",
    "audio/dash": "The DASH manifest over the same segments.",
}


@dg.multi_asset(
    name="audio",
    specs=[
        dg.AssetSpec(
            asset.split("/"),
            deps=[dg.AssetKey(["audio", "source"])],
            skippable=True,
            description=_DESCRIPTIONS[asset],
            group_name="audio",
            code_version=__version__,
            kinds={"ffmpeg", "audio"},
        )
        for asset in AUDIO_ASSETS
    ],
    check_specs=stream_check_specs(AUDIO_STREAMS),
    partitions_def=audio_files,
    hooks=hooks,
    can_subset=True,  # all is made all the same; without it, Dagster wants a result of every check of every run
    backfill_policy=dg.BackfillPolicy.multi_run(20),
)
def audio(context: dg.AssetExecutionContext, ledger: LedgerResource, object_store: ObjectStoreResource):
    """A partition or a range of sound files; each succeeds or fails alone."""
    _work_through(context, ledger, object_store)
    yield from ()  # outputs are reported by log_event (facts.md)


@dg.op
def audio_batch(context: dg.OpExecutionContext, ledger: LedgerResource, object_store: ObjectStoreResource) -> None:
    """Sound files whose partitions are no contiguous range; see images_batch."""
    _work_through(context, ledger, object_store)


def _work_through(context: Context, ledger: LedgerResource, object_store: ObjectStoreResource) -> None:
    from telecine.audio_batch import run_audio_claim  # a run of images, whose start is its wait, never needs it

    book, store, settings = ledger.open(), object_store.open(), object_store.settings()
    claim_id, problems = bind(context, book, "audio", AUDIO_ASSETS)
    if claim_id is None:
        return
    with hold(context, book, claim_id) as held:
        checks = StreamChecks(AUDIO_STREAMS)
        pointers = source_pointers(context.instance, "audio", [job.partition for job in held.jobs()])
        for outcome in run_audio_claim(book, store, settings, held, context.log.info):
            job = outcome.job
            checks.add(outcome)
            if outcome.manifest is not None:
                if not held.stands():  # recovery tells Dagster; a newer generation may be there by now
                    continue
                tell(context, materializations(outcome, AUDIO_ASSETS, pointers, settings))
            if outcome.error_code is not None:
                problems[job.partition] = f"{outcome.error_code}: {outcome.error_message} ({outcome.status})"
                context.log.warning(f"job {job.job_id} {job.key}: {problems[job.partition]}\n{outcome.error_details}")
        tell(context, checks.evaluations())
        held.release(settings.scratch)
    fail_if_any(held, problems)
