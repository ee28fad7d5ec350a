"""What the webhook commands share: TELECINE_WEBHOOK_* of this shell, where outputs are, and how URLs are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecine.cli.look import open_ledger

if TYPE_CHECKING:
    from telecine.ledger import Ledger
    from telecine.webhooks.settings import WebhookSettings


def rules() -> WebhookSettings:
    """TELECINE_WEBHOOK_* of this shell."""
    from telecine.webhooks.settings import WebhookSettings

    return WebhookSettings()


def context() -> tuple[Ledger, WebhookSettings, str]:
    """Ledger, rules and the base URL of outputs."""
    from telecine.settings import settings

    ledger = open_ledger()  # which completes the environment from the local stack's
    return ledger, rules(), settings().outputs_url


def shown_url(url: str | None) -> str:
    """A URL for people: without its query, in which others keep tokens."""
    if url is None:
        return ""
    before, question, _ = url.partition("?")
    return f"{before}?..." if question else before
