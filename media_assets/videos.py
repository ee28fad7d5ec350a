"""Video assets: one graph, `plan -> encode -> finish`, for one file a run.

https://docs.dagster.io/guides/build/assets/graph-backed-assets
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from media_assets.claim_work import bind, fail_if_any, hold
from media_assets.hooks import hooks
from media_assets.materializations import details
from media_assets.partitions import video_files
from media_assets.stream_checks import VIDEO_STREAMS, stream_check_specs, stream_checks
from media_assets.video_checks import video_check_specs, video_checks
from resources import LedgerResource, ObjectStoreResource
from telecine import __version__
from telecine.assets import VIDEO_ASSETS
from telecine.errors import NotOurs
from telecine.file_job import FileJob, JobFailed, begin
from telecine.ledger import claims
from telecine.reporter import Track
from telecine.stages import VIDEO
from telecine.video_job import Baton, resume
from telecine.worker import Outcome

_NAMES = {asset: asset.replace("/", "_") for asset in VIDEO_ASSETS}
_CHECK_SPECS = [*video_check_specs, *stream_check_specs(VIDEO_STREAMS)]
_CHECKS = [spec.get_python_identifier() for spec in _CHECK_SPECS]


@contextmanager
def _step(context: dg.OpExecutionContext, work: FileJob) -> Iterator[Track]:
    """A step of the job: when it ends the job, the run fails with the sentence and the tool's last words."""
    try:
        with work.step(VIDEO, context.log.info) as track:
            yield track
    except JobFailed as e:
        shutil.rmtree(work.directory, ignore_errors=True)
        work.held.release(work.settings.scratch)
        raise _failure(e.outcome) from e
    except BaseException:
        shutil.rmtree(work.directory, ignore_errors=True)
        raise


def _failure(outcome: Outcome) -> dg.Failure:
    """Why a run ends without all it was asked for."""
    job = outcome.job
    metadata: dict[str, Any] = {"job_id": job.job_id, "source": f"{job.bucket}/{job.key}"}
    if outcome.error_details:
        metadata["tail"] = dg.MetadataValue.md(f"```\n{outcome.error_details[-4000:]}\n```")
    some = " some outputs were made, others not:" if outcome.manifest is not None else ""
    return dg.Failure(
        f"{job.key}:{some} {outcome.error_code}: {outcome.error_message} (job is {outcome.status})",
        metadata=metadata,
        allow_retries=False,
    )


@dg.op(ins={"source": dg.In(dg.Nothing)}, out=dg.Out(is_required=False))
def plan(
    context: dg.OpExecutionContext, ledger: LedgerResource, object_store: ObjectStoreResource
) -> Iterator[dg.Output[Any]]:
    """Download and probe the file, decide what to make of it."""
    from telecine.video_steps import plan_step  # a run of images, whose start is its wait, never needs it

    book, store, settings = ledger.open(), object_store.open(), object_store.settings()
    claim_id, refused = bind(context, book, "video", VIDEO_ASSETS)
    if claim_id is None:
        return
    with hold(context, book, claim_id) as held:
        jobs = held.jobs()
        if not jobs:
            book.do(claims.end, claim_id, "nothing left")
            fail_if_any(held, refused)
            context.log.info("the file is taken care of already: its job was canceled or done by another run")
            return
        try:
            work = begin(book, store, settings, held, jobs[0])
        except NotOurs as e:
            held.release(settings.scratch)
            raise dg.Failure(e.message, allow_retries=False) from e
        with _step(context, work) as track:
            baton = plan_step(work, _wanted(context), track)
        if baton is None:
            shutil.rmtree(work.directory, ignore_errors=True)
            book.do(claims.end, claim_id, "reclassified")
            context.instance.delete_dynamic_partition(str(video_files.name), work.job.partition)
            context.log.info(f"{work.job.key} holds no moving picture: it is processed as audio")
            return
    yield dg.Output(baton.to_dict())


@dg.op(pool="encodes")
def encode(
    context: dg.OpExecutionContext, planned: dict, ledger: LedgerResource, object_store: ObjectStoreResource
) -> dict:
    """All rungs and the sound, in one ffmpeg.

    Its pool is unlimited until somebody limits it (docs/video.md): lanes decide how many encodes a machine has.
    """
    from telecine.video_steps import encode_step  # a run of images, whose start is its wait, never needs it

    book, store, settings = ledger.open(), object_store.open(), object_store.settings()
    baton = Baton.from_dict(planned)
    with hold(context, book, baton.claim_id) as held:
        work = resume(book, store, settings, held, baton)
        with _step(context, work) as track:
            return encode_step(work, baton, _wanted(context), track).to_dict()


@dg.op(out={name: dg.Out(dg.Nothing, is_required=False) for name in (*_NAMES.values(), *_CHECKS)})
def finish(
    context: dg.OpExecutionContext, encoded: dict, ledger: LedgerResource, object_store: ObjectStoreResource
) -> Iterator[dg.Output[None] | dg.AssetCheckResult]:
    """Package, take stills, verify, publish."""
    from telecine.video_steps import finish_step  # a run of images, whose start is its wait, never needs it

    book, store, settings = ledger.open(), object_store.open(), object_store.settings()
    baton = Baton.from_dict(encoded)
    with hold(context, book, baton.claim_id) as held:
        work = resume(book, store, settings, held, baton)
        with _step(context, work) as track:
            outcome = finish_step(work, baton, _wanted(context), track)
        shutil.rmtree(work.directory, ignore_errors=True)
        for asset in sorted(outcome.made):
            if metadata := details(outcome, asset, settings):
                yield dg.Output(None, output_name=_NAMES[asset], metadata=metadata)
        yield from video_checks(outcome)
        yield from stream_checks(outcome)
        # Last: until Dagster has heard of everything, recovery must know that something is left to say.
        held.release(settings.scratch)
        if outcome.error_code is not None:
            raise _failure(outcome)


def _wanted(context: dg.OpExecutionContext) -> set[str]:
    """The video assets this run selected."""
    selected = {key.to_user_string() for key in context.selected_asset_keys}
    return selected & set(VIDEO_ASSETS) or set(VIDEO_ASSETS)


_DESCRIPTIONS = {
    "video/metadata": "What the probe learnt: tracks, times, colour, chapters.",
    "video/renditions": "One file for each rung of the ladder, the single renditions, and files of the sound alone.",
    "video/thumbnails": "The poster and other stills, the storyboard, moving previews.",
    "video/hls": "HLS playlists over the CMAF segments.",
    "video/dash": "The DASH manifest over the same segments.",
}


@dg.graph_multi_asset(
    name="videos",
    ins={"source": dg.AssetIn(["video", "source"], dagster_type=dg.Nothing)},
    outs={
        name: dg.AssetOut(
            key=asset.split("/"),
            is_required=False,
            dagster_type=dg.Nothing,
            description=_DESCRIPTIONS[asset],
            code_version=__version__,
            kinds={"ffmpeg", "video"},
        )
        for asset, name in _NAMES.items()
    },
    group_name="videos",
    partitions_def=video_files,
    hooks=hooks,
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    can_subset=True,
    check_specs=_CHECK_SPECS,
)
def videos(source):
    """One video: everything its recipe asks for."""
    results = finish(encode(plan(source)))
    return {name: getattr(results, name) for name in (*_NAMES.values(), *_CHECKS)}
