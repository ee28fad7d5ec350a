"""Image assets: thumbnails and renditions, made together because they share one download and one decode.

https://docs.dagster.io/guides/build/assets/defining-assets#multi-asset
"""

import dagster as dg

from media_assets.checks import ImageChecks, image_check_specs
from media_assets.claim_work import Context, bind, fail_if_any, hold, tell
from media_assets.hooks import hooks
from media_assets.materializations import materializations, source_pointers
from media_assets.partitions import image_files
from media_assets.telling import Telling
from resources import LedgerResource, ObjectStoreResource
from telecine import __version__
from telecine.assets import IMAGE_ASSETS
from telecine.image_batch import run_image_claim


def _spec(asset: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset.split("/"),
        deps=[dg.AssetKey(["image", "source"])],
        skippable=True,
        description=description,
        group_name="images",
        code_version=__version__,
        kinds={"pillow", "image"},
    )


@dg.multi_asset(
    name="images",
    specs=[
        _spec("image/thumbnails", "Small square pictures for lists."),
        _spec("image/renditions", "The picture at the sizes and formats that its recipe asks for."),
    ],
    check_specs=image_check_specs(IMAGE_ASSETS),
    partitions_def=image_files,
    hooks=hooks,
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.multi_run(200),
)
def images(context: dg.AssetExecutionContext, ledger: LedgerResource, object_store: ObjectStoreResource):
    """A partition or a range of images; each file succeeds or fails alone and is materialized once published."""
    wanted = {key.to_user_string() for key in context.selected_asset_keys} & set(IMAGE_ASSETS)
    _work_through(context, ledger, object_store, wanted)
    yield from ()  # outputs are reported by log_event, so this generator yields nothing (facts.md)


@dg.op
def images_batch(context: dg.OpExecutionContext, ledger: LedgerResource, object_store: ObjectStoreResource) -> None:
    """Images whose partitions are no contiguous range: re-uploads, retries, what a crash left.

    An op, because a run of an asset with a partitioned source must name a partition or one range
    (DagsterInvariantViolationError: "Cannot access partition_key for a non-partitioned run"); it materializes the
    same assets.
    """
    _work_through(context, ledger, object_store, set(IMAGE_ASSETS))


def _work_through(
    context: Context, ledger: LedgerResource, object_store: ObjectStoreResource, wanted: set[str]
) -> None:
    book, store, settings = ledger.open(), object_store.open(), object_store.settings()
    claim_id, problems = bind(context, book, "image", IMAGE_ASSETS)
    if claim_id is None:
        return
    with hold(context, book, claim_id) as held:
        jobs = held.jobs()
        checks = ImageChecks(wanted)
        pointers = source_pointers(context.instance, "image", [job.partition for job in jobs])
        context.log.info(f"claim {claim_id}: {len(jobs)} image(s)")
        with Telling(context, held) as telling:
            outcomes = run_image_claim(book, store, settings, held, wanted, on_look=telling.look)
            for number, outcome in enumerate(outcomes, start=1):
                job = outcome.job
                checks.add(outcome)
                if outcome.manifest is not None:
                    telling.add(materializations(outcome, wanted, pointers, settings))
                if outcome.error_code is not None:
                    problems[job.partition] = f"{outcome.error_code}: {outcome.error_message} ({outcome.status})"
                    context.log.warning(f"job {job.job_id} {job.key}: {problems[job.partition]}")
                if number % 50 == 0:
                    context.log.info(f"{number} of {len(jobs)} done")
        tell(context, checks.evaluations())
        held.release(settings.scratch)
    fail_if_any(held, problems)
