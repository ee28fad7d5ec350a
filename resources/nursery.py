"""What the fork server imports before it forks runs; only ever imported there (run_processes.py).

One name a line for everything that a run imports sooner or later, also in the middle of its work.
"""

import gc
import signal

import dagster_postgres  # noqa: F401
import loky.backend  # noqa: F401
import pebble  # noqa: F401

import media_assets.definitions  # noqa: F401

# The order to stop goes to the whole process group, and the code server would take its runs for crashed if their
# parent were gone: the fork server ends when the code server has. In a run, Dagster gives SIGTERM a meaning again.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
# Pages that the collector never writes to stay shared by all runs.
gc.collect()
gc.freeze()
