"""`python -m telecine.gateway`: the gateway of a running house, served by uvicorn.

A program of its own and no command of `telecine`, so that it starts without what the command line needs. TLS, and more
than this machine, are a reverse proxy's business.
"""

from __future__ import annotations

import argparse

import uvicorn

from telecine.gateway.app import create_app
from telecine.gateway.shelf import HouseShelf
from telecine.logs import configure
from telecine.settings import settings


def main() -> None:
    """Serve until told to stop (TERM or Ctrl-C)."""
    parser = argparse.ArgumentParser(prog="python -m telecine.gateway", description="Serve the player page.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; default: this machine only")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    configure()
    config = settings()
    app = create_app(HouseShelf(config), outputs_url=config.outputs_url, gateway_url=config.gateway_url)
    uvicorn.run(
        app, host=options.host, port=options.port, access_log=False, server_header=False, timeout_graceful_shutdown=5
    )


if __name__ == "__main__":
    main()
