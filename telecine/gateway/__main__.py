"""`python -m telecine.gateway`: the gateway of a running house, served by uvicorn.

A program of its own and no command of `telecine`, so that it starts without what the command line needs. TLS, and more
than this machine, are a reverse proxy's business.
"""

from __future__ import annotations

import argparse

import uvicorn

from telecine.gateway.app import Keys, create_app
from telecine.gateway.shelf import HouseShelf
from telecine.gateway.tokens import Tokens
from telecine.logs import configure
from telecine.settings import settings
from telecine.storage import ObjectStore
from telecine.vault import Vault, derived


def main() -> None:
    """Serve until told to stop (TERM or Ctrl-C)."""
    parser = argparse.ArgumentParser(prog="python -m telecine.gateway", description="Serve the player page.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; default: this machine only")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    configure()
    config = settings()
    keys = None
    if config.secret is not None:
        tokens = Tokens(derived(config, "viewing tokens"))
        keys = Keys(Vault(ObjectStore.from_settings(config), config), tokens, config.gateway_origins.split())
    app = create_app(HouseShelf(config), outputs_url=config.outputs_url, gateway_url=config.gateway_url, keys=keys)
    uvicorn.run(
        app, host=options.host, port=options.port, access_log=False, server_header=False, timeout_graceful_shutdown=5
    )


if __name__ == "__main__":
    main()
