"""`telecine deliver`: the process that delivers events to webhook endpoints. `telecine up` runs one."""

from __future__ import annotations

from typing import Annotated

import typer

from telecine.cli.app import app
from telecine.cli.look import note


@app.command()
def deliver(
    once: Annotated[bool, typer.Option("--once", help="Deliver what is due now, then end.")] = False,
) -> None:
    """Deliver events to webhook endpoints until told to stop (TERM or Ctrl-C).

    Any number may run, on any machine that reaches the database. One that is killed loses nothing: what it had in
    flight is delivered by another one or after a restart, with the same ids.
    """
    import asyncio
    import signal

    from telecine.cli.webhook_context import context
    from telecine.webhooks.deliver import Deliverer, deliver_due

    ledger, rules, outputs_url = context()
    if once:
        delivered = deliver_due(ledger, rules, outputs_url, budget_s=24 * 3_600.0)
        note(f"{delivered} delivered")
        return

    async def run() -> None:
        deliverer = Deliverer(ledger, rules, outputs_url)
        for stop in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(stop, deliverer.stop)
        await deliverer.run()

    asyncio.run(run())
