"""The bucket sensor: new objects become jobs, deleted ones are marked, and dispatch runs in the same tick.

https://docs.dagster.io/guides/automate/sensors
"""

from __future__ import annotations

import time
from functools import cache
from itertools import groupby

import dagster as dg

from media_assets.jobs import all_jobs
from resources import LedgerResource, ObjectStoreResource
from sensors import lookout
from sensors.dispatch import dispatch
from telecine.config import load_config
from telecine.errors import TelecineError
from telecine.intake import Watch
from telecine.settings import settings
from telecine.storage import ObjectStore

_PAUSE_S = 1.0  # between two looks of one tick
_CHEAP_S = 0.25  # a look that takes longer is taken once a tick: large buckets, slow stores
_BUDGET_S = 25.0  # of the 60 s that Dagster gives an evaluation; the listing goes on in the next tick


@cache
def _watches(store: ObjectStore, config_text: str) -> list[Watch]:
    """One watch per bucket, kept between ticks; made anew when telecine.toml changes."""
    config = load_config(settings().config, settings().input_bucket)
    rules = sorted(config.rules, key=lambda rule: rule.bucket)
    return [Watch(store, settings(), bucket, list(of)) for bucket, of in groupby(rules, key=lambda rule: rule.bucket)]


@dg.sensor(
    name="buckets",
    jobs=all_jobs,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Watches the buckets that telecine.toml names.",
)
def bucket_sensor(context: dg.SensorEvaluationContext, ledger: LedgerResource, object_store: ObjectStoreResource):
    """Look at every watched bucket until something is new, then dispatch."""
    book, path = ledger.open(), settings().config
    watches = _watches(object_store.open(), path.read_text() if path.exists() else "")

    def look() -> bool:
        """Whether this tick should go on: something came or went, or looking takes too long to do it all the time."""
        began, found = time.monotonic(), False
        for watch in watches:
            try:
                scanned = watch.look(book, _BUDGET_S / len(watches))
            except TelecineError as e:
                # One bucket that can't be read must not stop the others, nor the dispatch of what is accepted already.
                context.log.error(f"bucket {watch.bucket}: {e}")
                found = True
                continue
            if scanned.accepted or scanned.refused or scanned.deleted:
                found = True
                context.log.info(
                    f"bucket {watch.bucket}: {scanned.listed} listed, {len(scanned.accepted)} accepted, "
                    f"{len(scanned.refused)} refused, {len(scanned.deleted)} deleted"
                )
        return found or time.monotonic() - began > _CHEAP_S

    lookout.until_found(look, _PAUSE_S)
    return dispatch(context.instance, book)
