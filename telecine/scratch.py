"""Scratch directories: one per claim, one per job below it; removed at the end, swept when a crash left them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

# requirements.md section 4: gone within 60 s of the end. A dead worker is noticed within 15 s, and its claim ends then.
_ORPHAN_S = 20


@contextmanager
def scratch_directory(root: Path, *parts: str) -> Iterator[Path]:
    """A fresh directory below `root`, removed whatever happens inside the block."""
    directory = root.joinpath(*parts)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def sweep(root: Path, open_claims: Collection[str], orphan_s: float = _ORPHAN_S) -> list[str]:
    """Remove directories of claims that have ended and weren't touched for `orphan_s` seconds; returns their names."""
    if not root.is_dir():
        return []
    removed = []
    for directory in root.iterdir():
        if directory.name in open_claims or not directory.is_dir():
            continue
        try:
            age_s = time.time() - directory.stat().st_mtime
        except FileNotFoundError:
            continue  # its own worker was quicker
        if age_s > orphan_s:
            shutil.rmtree(directory, ignore_errors=True)
            removed.append(directory.name)
    return removed
