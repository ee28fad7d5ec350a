"""How much memory an encode takes, from header facts and cores, before anything is started.

Address space, because that is what a limit is enforced on (RLIMIT_AS). Measured on ladders of 2 and 5 rungs from
sources of 0.2 to 8 megapixels with 1 and 2 cores; all within 15 %. Stricter than requirements.md section 2 asks
(w*h*4*8*1.5 bytes), which counts neither rungs nor threads.
"""

from __future__ import annotations

import os

from telecine.errors import ErrorCode, InputError
from telecine.process import ambient
from telecine.video.plan import VideoPlan

_PROGRAM_BYTES = 390e6  # ffmpeg itself, its heap and its libraries
_STACK_BYTES = 8 * 2**20  # of each thread
_READING_THREADS, _RUNG_THREADS = 10, 4.5  # the second for each rung and core
_RUNG_BYTES, _RUNG_THREAD_BYTES = 58, 20  # for each pixel: x264's references and lookahead, and more for each thread
_X264_THREADS = 1.5  # for each core
_FRAMES = 16  # that a decoder may keep, besides one for each thread
_SAMPLES = 1.5  # for each pixel: 4:2:0


def estimate_bytes(plan: VideoPlan, cores: int) -> int:
    """Address space of the one ffmpeg that makes all rungs of a plan."""
    threads = _READING_THREADS + len(plan.rungs) * cores * _RUNG_THREADS
    rungs = sum(rung.pixels for rung in plan.rungs)
    sample = 2 if plan.video.bit_depth > 8 else 1
    source = plan.video.width * plan.video.height * _SAMPLES * sample * (_FRAMES + cores)
    encoders = rungs * (_RUNG_BYTES + _RUNG_THREAD_BYTES * max(1, int(cores * _X264_THREADS)))
    return round(_PROGRAM_BYTES + threads * _STACK_BYTES + source + encoders)


def cores_here() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cores_that_fit(plan: VideoPlan) -> int | None:
    """How many cores may work on a plan within the job's limits; None for all there are.

    On a machine with many cores the default memory limit is what bounds them.

    Raises:
        InputError: LIMIT_EXCEEDED, naming both numbers, when one core is too many.
    """
    here = cores_here()
    cores, limit = min(here, ambient().threads or here), ambient().memory_bytes
    if limit is None or not plan.rungs:
        return ambient().threads
    while cores > 1 and estimate_bytes(plan, cores) > limit:
        cores -= 1
    needed = estimate_bytes(plan, cores)
    if needed > limit:
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED,
            f"making {len(plan.rungs)} rung(s) of {plan.video.width}x{plan.video.height} takes about "
            f"{needed / 2**20:,.0f} MB of memory; the job's limit is {limit / 2**20:,.0f} MB (limits.max_memory_mb)",
        )
    return cores if cores < here else ambient().threads
