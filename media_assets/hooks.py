"""Hooks on the assets: whoever starts a run, its end is written down and webhook delivery is woken.

https://docs.dagster.io/guides/build/ops/op-hooks. On the assets, not on jobs, so that they fire for the "Materialize"
button and backfills, too (facts.md). Events themselves are written where jobs change state, in one transaction with
it; a hook makes sure of that for its run's jobs, and is one more reason to look. It fires once a step, and never for a
process that was killed: sensors/runs.py stands behind it.
"""

import dagster as dg

from media_assets import tags
from telecine.ledger import events


@dg.success_hook(name="tell_success", required_resource_keys={"ledger"})
def tell_success(context: dg.HookContext) -> None:
    """A step ended well."""
    _tell(context, "succeeded")


@dg.failure_hook(name="tell_failure", required_resource_keys={"ledger"})
def tell_failure(context: dg.HookContext) -> None:
    """A step failed."""
    _tell(context, "failed")


hooks = frozenset({tell_success, tell_failure})


def claims_of(run: dg.DagsterRun) -> set[str]:
    """The claims a run may have worked on: dispatch's, or the one it opened itself, which is named after the run."""
    return {run.run_id, run.tags.get(tags.CLAIM, run.run_id)}


def _tell(context: dg.HookContext, word: str) -> None:
    run = context.instance.get_run_by_id(context.run_id)
    claim_ids = claims_of(run) if run is not None else {context.run_id}
    late = context.resources.ledger.open().do(events.run_reported, context.run_id, word, "hook", claim_ids)
    if late:
        context.log.warning(f"events of {len(late)} job(s) were missing and have been written")
