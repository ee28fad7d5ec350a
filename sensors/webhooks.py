"""The watchdog of webhook delivery: delivers itself while no `telecine deliver` runs.

Slower than the process (it looks every ten seconds, and only while it has a turn), but nothing waits for ever on a
machine where somebody forgot to start it. Doesn't belong here: how delivery works (telecine/webhooks).
"""

import dagster as dg

from resources import LedgerResource, ObjectStoreResource
from telecine.ledger import deliverers
from telecine.webhooks.deliver import deliver_due
from telecine.webhooks.settings import WebhookSettings

_BUDGET_S = 20.0  # of the 60 s that Dagster gives an evaluation; attempts in flight get 10 s more


@dg.sensor(
    name="webhooks",
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Delivers webhooks while no `telecine deliver` runs.",
)
def webhook_sensor(context: dg.SensorEvaluationContext, ledger: LedgerResource, object_store: ObjectStoreResource):
    """One look; a turn of delivering when nobody else does."""
    book = ledger.open()
    if book.do(deliverers.is_any_alive):
        return dg.SkipReason("a process delivers")
    if not book.do(deliverers.is_anything_due):
        return dg.SkipReason("nothing is due")
    delivered = deliver_due(book, WebhookSettings(), object_store.settings().outputs_url, _BUDGET_S)
    context.log.warning(f"no `telecine deliver` runs: {delivered} webhook(s) delivered by the watchdog")
    return dg.SkipReason(f"no `telecine deliver` runs; delivered {delivered} here")
