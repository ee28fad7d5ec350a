"""`telecine token`: a viewer's token, for players outside of the gateway's own page."""

from __future__ import annotations

from typing import Annotated

import typer

from telecine.cli.app import app
from telecine.errors import ConfigurationError, ErrorCode


@app.command()
def token(
    partition: Annotated[str, typer.Argument(help="The protected media file's partition.")],
    minutes: Annotated[float, typer.Option(min=0.1, max=10_080, help="How long the token counts.")] = 60.0,
) -> None:
    """Print a token with which a player gets the keys of one protected stream.

    It is sent as `Authorization: Bearer TOKEN`; docs/streaming.md says what else.
    """
    import os

    from telecine import local
    from telecine.gateway.tokens import Tokens
    from telecine.partition import is_partition_key
    from telecine.settings import settings
    from telecine.vault import derived

    if not is_partition_key(partition):
        raise ConfigurationError(ErrorCode.INVALID_REQUEST, f"{partition!r} is no partition's name")
    if not os.environ.get("TELECINE_SECRET"):
        os.environ.update(local.environment())
    typer.echo(Tokens(derived(settings(), "viewing tokens")).issue(partition, minutes * 60))
