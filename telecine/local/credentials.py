"""The embedded object store's keys and the house's secret: made once, kept in files that only their owner can read."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """An S3 access key pair."""

    access_key: str
    secret_key: str = field(repr=False)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all (temporary file, then rename)."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    temporary.replace(path)


def credentials(path: Path) -> Credentials:
    """The key pair kept at `path`, made when there is none yet."""
    if path.exists():
        return Credentials(**json.loads(path.read_text()))
    made = Credentials(access_key="telecine" + secrets.token_hex(6), secret_key=secrets.token_urlsafe(30))
    write_private(path, json.dumps(asdict(made)))
    return made


def secret(path: Path) -> str:
    """The secret kept at `path` (TELECINE_SECRET), made when there is none yet."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48))
    return path.read_text().strip()
