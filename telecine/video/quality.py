"""How much the encode lost: SSIM, XPSNR and VMAF of each rung on samples of the video.

SSIM and XPSNR compare a rung with what its encoder got, at its own size. VMAF compares it as people see it: scaled up
to the ladder's largest picture, so that its figures make a ladder's curve. Belongs here: the argv, reading the figures,
and the floors. Doesn't belong here: which frames (sampling.py), drawing (quality_plot.py). Sources: ffmpeg-filters(1)
ssim, xpsnr, libvmaf; Netflix, "VMAF: The Journey Continues" (70 fair, 80 good, 90 excellent).
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from telecine.process import Limits, run
from telecine.tools import ffmpeg_path, filters
from telecine.video.encode import Encoded
from telecine.video.ladder import Rung
from telecine.video.memory import cores_here
from telecine.video.picture_argv import video_file
from telecine.video.plan import VideoPlan
from telecine.video.sampling import comparable, reference_file, spare_frames

# Below these something went wrong, or the cap is far too low for the content. Constant quality at CRF 23 leaves noise
# (rain, confetti) at SSIM 0.94 and XPSNR 29 dB; a picture with a frame's shift or wrong colours is far below.
SSIM_FLOOR, XPSNR_FLOOR_DB, VMAF_FLOOR = 0.88, 25.0, 60.0
_EVERY = 3  # frames: VMAF costs four times as much as the others together
_FIGURE = r"\[{}@q(\d+) @ [^\]]+\] {} *([\d.]+|inf)"
_SSIM = re.compile(_FIGURE.format("ssim", "SSIM .*All:"))
_XPSNR = re.compile(_FIGURE.format("xpsnr", "XPSNR +y:"))
_VMAF = re.compile(_FIGURE.format("libvmaf", "VMAF score:"))
_BEST_DB = 100.0  # instead of infinity, which JSON doesn't know
_COUNTED = "settb=1/25,setpts=N"  # one clock for both sides: frame by frame


@dataclass(frozen=True, slots=True)
class Quality:
    """One rung's figures.

    Attributes:
        name: the rung's.
        ssim: 0 to 1, over all planes.
        xpsnr_db: of the luma.
        vmaf: 0 to 100 at the size of the largest rung; None for HDR, and where ffmpeg has no libvmaf.
        frames: how many were compared.
    """

    name: str
    ssim: float
    xpsnr_db: float
    vmaf: float | None
    frames: int


def measure_quality(plan: VideoPlan, encoded: Encoded, cancel: threading.Event) -> tuple[Quality, ...]:
    """Compare the samples of every rung that was encoded; nothing when the plan has none.

    Raises:
        TelecineError: what `telecine.process.run` raises.
    """
    rungs = [rung for rung in plan.pictures if comparable(rung) and rung.name in encoded.encoded]
    if not plan.samples or not rungs:
        return ()
    with_vmaf = "libvmaf" in filters()
    argv = quality_argv(ffmpeg_path(), plan, rungs, Path(encoded.work_dir), cores=cores_here(), with_vmaf=with_vmaf)
    return parse_quality(plan, rungs, run(argv, limits=Limits(wall_s=900, stall_s=180), cancel=cancel).stderr)


def quality_argv(
    ffmpeg: Path, plan: VideoPlan, rungs: Sequence[Rung], work_dir: Path, *, cores: int, with_vmaf: bool
) -> list[str]:
    """One ffmpeg for all: each rung's windows are decoded from their keyframes and put beside their reference."""
    argv = [str(ffmpeg), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "info"]
    graph: list[str] = []
    number = 0  # of the next input
    # All rungs at once: each thread takes buffers of its own, and time to fill them.
    threads = max(1, cores // len(rungs))
    # What VMAF compares with: the largest picture of the ladder.
    top = max((r for r in rungs if r in plan.rungs and r.coding.hdr is None), key=lambda r: r.pixels, default=None)
    judged = [r for r in rungs if r in plan.rungs and r.coding.hdr is None] if with_vmaf and top is not None else []
    for at, rung in enumerate(rungs):
        pace, parts = rung.pace(plan.timing), ""
        for n, window in enumerate(plan.samples):
            own = window.of(rung, plan.timing)
            seek = (own.first - 0.5) / float(pace.fps)
            argv += ["-ss", f"{seek:.6f}"] if seek > 0 else []
            argv += ["-i", f"file:{work_dir / video_file(rung)}"]
            graph.append(f"[{number}:v]trim=end_frame={own.frames}[w{at}_{n}]")
            parts += f"[w{at}_{n}]"
            number += 1
        argv += ["-i", f"file:{work_dir / reference_file(rung)}"]
        graph.append(f"{parts}concat=n={len(plan.samples)},{_COUNTED}[d{at}]")
        copies = 2 + (len(judged) if rung == top else 0)
        names = f"[a{at}][b{at}]" + "".join(f"[t{n}]" for n in range(copies - 2))
        spare = spare_frames([window.of(rung, plan.timing) for window in plan.samples])
        graph.append(f"[{number}:v]trim=start_frame={spare},{_COUNTED},split={copies}{names}")
        number += 1
        chain = f"[d{at}][a{at}]ssim@q{at}[e{at}];[e{at}][b{at}]xpsnr@q{at}"
        if rung in judged and top is not None:
            step = rung.fps_divisor // top.fps_divisor
            graph.append(f"[t{judged.index(rung)}]framestep={step},{_COUNTED}[r{at}]")
            chain += f"[f{at}];[f{at}]scale={top.width}:{top.height}:flags=bicubic[g{at}]"
            chain += f";[g{at}][r{at}]libvmaf@q{at}=n_threads={threads}:n_subsample={_EVERY}"
        graph.append(f"{chain}[o{at}]")
    argv += ["-filter_complex", ";".join(graph)]
    for at in range(len(rungs)):
        argv += ["-map", f"[o{at}]", "-f", "null", "-"]
    return argv


def parse_quality(plan: VideoPlan, rungs: Sequence[Rung], said: str) -> tuple[Quality, ...]:
    """The figures out of what ffmpeg said; a rung without any is left out."""
    ssim, xpsnr, vmaf = (dict(pattern.findall(said)) for pattern in (_SSIM, _XPSNR, _VMAF))
    return tuple(
        Quality(
            name=rung.name,
            ssim=round(float(ssim[at]), 4),
            xpsnr_db=round(min(float(xpsnr[at]), _BEST_DB), 2),
            vmaf=round(float(vmaf[at]), 1) if at in vmaf else None,
            frames=sum(window.of(rung, plan.timing).frames for window in plan.samples),
        )
        for at, rung in ((str(n), rung) for n, rung in enumerate(rungs))
        if at in ssim and at in xpsnr and not math.isnan(float(ssim[at]))
    )


def below_floors(figures: Iterable[Quality], largest: str) -> tuple[str, ...]:
    """Sentences about figures below their floors.

    Args:
        largest: the rung that VMAF's floor is for; small ones are blurred when they are scaled up, and should be.
    """
    said = []
    for found in figures:
        if found.ssim < SSIM_FLOOR:
            said.append(f"{found.name}: SSIM {found.ssim} is below {SSIM_FLOOR}")
        if found.xpsnr_db < XPSNR_FLOOR_DB:
            said.append(f"{found.name}: XPSNR {found.xpsnr_db} dB is below {XPSNR_FLOOR_DB:g} dB")
        if found.name == largest and found.vmaf is not None and found.vmaf < VMAF_FLOOR:
            said.append(f"{found.name}: VMAF {found.vmaf} is below {VMAF_FLOOR:g}")
    return tuple(said)
