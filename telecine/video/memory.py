"""How much memory an encode takes, from header facts and cores, before anything is started.

Address space, because that is what a limit is enforced on (RLIMIT_AS). Measured on ladders of 2 and 5 rungs from
sources of 0.2 to 8 megapixels with 1 and 2 cores, and on each codec alone: within 15 %, or more than it takes. Stricter
than requirements.md section 2 asks (w*h*4*8*1.5 bytes), which counts neither rungs nor threads.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from telecine.codecs import VideoCodec
from telecine.errors import ErrorCode, InputError
from telecine.process import ambient
from telecine.video.estimate import decode_seconds, encode_seconds
from telecine.video.ladder import Rung
from telecine.video.plan import VideoPlan

_PROGRAM_BYTES = 390e6  # ffmpeg itself, its heap and its libraries
_STACK_BYTES = 8 * 2**20  # of each thread
_READING_THREADS, _RUNG_THREADS = 10, 4.5  # the second for each rung and core
_SOUND_THREADS = 4  # of each sound beside the main one: decoder, filters, encoder, muxer
_PER_CORE = 1.5  # threads of an encoder that is alone; x264's own number for frame threads
_AHEAD = 3  # how much faster than it is used the source can be decoded: estimates are rough, scenes differ
# For each encoder: at least, for each pixel, and for each pixel and thread. Measured at 360p to 1080p with 3 threads.
_ENCODERS = {
    VideoCodec.H264: (0, 58, 20),
    VideoCodec.H265: (0, 120, 20),
    VideoCodec.VP9: (0, 60, 10),
    VideoCodec.AV1: (150e6, 140, 20),
    VideoCodec.FFV1: (0, 20, 0),
}
_FRAMES = 16  # that a decoder may keep, besides one for each thread
_SAMPLES = 1.5  # for each pixel: 4:2:0


def estimate_bytes(plan: VideoPlan, cores: int) -> int:
    """Address space of the one ffmpeg that makes all rungs of a plan."""
    threads = _READING_THREADS + len(plan.encodes) * cores * _RUNG_THREADS + len(plan.sounds[1:]) * _SOUND_THREADS
    sample = 2 if plan.video.bit_depth > 8 else 1
    source = plan.video.width * plan.video.height * _SAMPLES * sample * (_FRAMES + cores)
    encoders = sum(_encoder_bytes(rung, encoder_threads(plan, rung, plan.encodes, cores)) for rung in plan.encodes)
    return round(_PROGRAM_BYTES + threads * _STACK_BYTES + source + encoders)


def encoder_threads(plan: VideoPlan, rung: Rung, rungs: Sequence[Rung], cores: int) -> int:
    """Threads of one encoder: x264's own number when it is alone, else by its share of the work, since all run at once.

    More of them wait for each other: four rungs with 1, 1, 1 and 2 threads leave 1.3 % of two cores idle (slow and
    veryfast), 1, 1, 2 and 3 leave 1.4 and 4 %, 1, 1, 1 and 3 leave 3.2 and 1.7 %. x264's own number for each costs 3 %
    more processor time.
    """
    if len(rungs) == 1:
        return int(_PER_CORE * cores)
    most = max(encode_seconds(each, plan.timing) for each in rungs)
    return max(1, round(cores * encode_seconds(rung, plan.timing) / most))


def decoder_threads(plan: VideoPlan, rungs: Sequence[Rung], cores: int) -> int:
    """Threads of the source's decoder: as few as never let the encoders wait.

    A decoder with one thread takes a tenth less processor time than one with two.
    """
    decoding = decode_seconds(plan.video)
    share = decoding / (decoding + sum(encode_seconds(rung, plan.timing) for rung in rungs))
    return min(cores, math.ceil(_AHEAD * cores * share))


def _encoder_bytes(rung: Rung, threads: int) -> float:
    least, pixel, thread = _ENCODERS[rung.coding.codec]
    return least + rung.pixels * (1 + rung.coding.ten_bits) * (pixel + thread * threads)


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
    if limit is None or not plan.encodes:
        return ambient().threads
    while cores > 1 and estimate_bytes(plan, cores) > limit:
        cores -= 1
    needed = estimate_bytes(plan, cores)
    if needed > limit:
        raise InputError(
            ErrorCode.LIMIT_EXCEEDED,
            f"making {len(plan.encodes)} picture(s) of {plan.video.width}x{plan.video.height} takes about "
            f"{needed / 2**20:,.0f} MB of memory; the job's limit is {limit / 2**20:,.0f} MB (limits.max_memory_mb)",
        )
    return cores if cores < here else ambient().threads
