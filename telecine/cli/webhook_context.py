"""What the webhook commands need of a running stack, or of the services that the environment names."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from telecine.ledger import Ledger
    from telecine.webhooks.settings import WebhookSettings


def _environment() -> dict[str, str]:
    """The environment, completed by the local stack's own when it names no database."""
    known = dict(os.environ)
    if not known.get("TELECINE_POSTGRES_URL"):
        from telecine.local import environment

        known |= environment()
    return known


def open_ledger() -> Ledger:
    """The ledger; nothing is started for a look."""
    from telecine.ledger import Ledger

    return Ledger(_environment()["TELECINE_POSTGRES_URL"])


def rules() -> WebhookSettings:
    """TELECINE_WEBHOOK_* of this shell."""
    from telecine.webhooks.settings import WebhookSettings

    return WebhookSettings()


def context() -> tuple[Ledger, WebhookSettings, str]:
    """Ledger, rules and the base URL of outputs."""
    from telecine.settings import settings

    os.environ.update({name: value for name, value in _environment().items() if name not in os.environ})
    return open_ledger(), rules(), settings().outputs_url


def shown_url(url: str | None) -> str:
    """A URL for people: without its query, in which others keep tokens."""
    if url is None:
        return ""
    before, question, _ = url.partition("?")
    return f"{before}?..." if question else before


def print_json(data: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(data, default=str, indent=1, ensure_ascii=False))
