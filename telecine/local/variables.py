"""What the stack tells its clients and parts about itself: the same variables that a deployment sets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from telecine.errors import ConfigurationError, ErrorCode
from telecine.local.credentials import Credentials
from telecine.local.layout import Layout
from telecine.local.parts import run_slots
from telecine.local.ports import HOST

_EMBEDDED = "TELECINE_EMBEDDED"


def external(name: str) -> str | None:
    """A service's variable as the user set it, or None.

    Clients put the stack's variables into their environment, and a later `up` sees them there; so the stack says
    which of them are its own.
    """
    return None if name in os.environ.get(_EMBEDDED, "").split() else os.environ.get(name) or None


def variables(
    layout: Layout,
    root: Path,
    ports: Mapping[str, int],
    *,
    keys: Credentials | None,
    postgres_url: str | None,
    secret: str,
) -> dict[str, str]:
    """The stack's variables.

    Args:
        keys: the embedded object store's; None when the caller's environment names an external one.
        postgres_url: the embedded database's; None likewise.
        secret: the home's own; one that the caller's environment names goes before it.

    Raises:
        ConfigurationError: an external store without its keys.
    """
    own = dict(os.environ)
    embedded = []
    if external("TELECINE_SECRET") is None:
        embedded.append("TELECINE_SECRET")
        own["TELECINE_SECRET"] = secret
    if postgres_url is not None:
        embedded.append("TELECINE_POSTGRES_URL")
        own["TELECINE_POSTGRES_URL"] = postgres_url
    if keys is not None:
        embedded.append("TELECINE_S3_ENDPOINT")
        own["TELECINE_S3_ENDPOINT"] = f"http://{HOST}:{ports['s3']}"
        own["TELECINE_S3_ACCESS_KEY"], own["TELECINE_S3_SECRET_KEY"] = keys.access_key, keys.secret_key
    missing = [n for n in ("TELECINE_S3_ACCESS_KEY", "TELECINE_S3_SECRET_KEY") if not own.get(n)]
    if missing:
        raise ConfigurationError(
            ErrorCode.STACK_FAILED, f"TELECINE_S3_ENDPOINT is set but {' and '.join(missing)} isn't."
        )
    passed = ("TELECINE_S3_ENDPOINT", "TELECINE_S3_ACCESS_KEY", "TELECINE_S3_SECRET_KEY", "TELECINE_PUBLIC_URL")
    return {
        **{name: own[name] for name in passed if own.get(name)},
        _EMBEDDED: " ".join(embedded),
        "TELECINE_HOME": str(layout.home),
        "TELECINE_S3_REGION": own.get("TELECINE_S3_REGION") or "us-east-1",
        "TELECINE_INPUT_BUCKET": own.get("TELECINE_INPUT_BUCKET") or "media-incoming",
        "TELECINE_OUTPUT_BUCKET": own.get("TELECINE_OUTPUT_BUCKET") or "media-outputs",
        "TELECINE_POSTGRES_URL": own["TELECINE_POSTGRES_URL"],
        "TELECINE_SECRET": own["TELECINE_SECRET"],
        "TELECINE_DAGSTER_URL": f"http://{HOST}:{ports['webserver']}",
        "TELECINE_GATEWAY_URL": f"http://{HOST}:{ports['gateway']}",
        "TELECINE_CODE_SERVER_HOST": HOST,
        "TELECINE_CODE_SERVER_PORT": str(ports["code_server"]),
        "TELECINE_RUN_SLOTS": str(run_slots()),
        "TELECINE_SCRATCH": str(Path(own.get("TELECINE_SCRATCH") or layout.scratch).absolute()),
        "TELECINE_CONFIG": str(Path(own.get("TELECINE_CONFIG") or root / "telecine.toml").absolute()),
        "DAGSTER_HOME": str(layout.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
