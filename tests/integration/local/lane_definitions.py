"""A code location of two assets for test_lanes.py: one that takes as long as the test wants, one that is quick."""

import os
import time
from pathlib import Path

import dagster as dg


@dg.asset(key=["video", "long_encode"])
def long_encode() -> None:
    """Ends when the test puts the file `release` into the scratch directory."""
    while not Path(os.environ["TELECINE_SCRATCH"], "release").exists():
        time.sleep(0.1)


@dg.asset(key=["image", "thumbnail"])
def thumbnail() -> None:
    """Ends at once."""


defs = dg.Definitions(assets=[long_encode, thumbnail], executor=dg.in_process_executor)
