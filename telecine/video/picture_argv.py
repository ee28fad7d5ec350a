"""ffmpeg's words for the pictures: one filter graph, and an output for each rung.

Pure, through ffmpeg-python graphs, which name the links, spell the options and escape. What ffmpeg-python can't say is
said outside of it: the input's guards (demux.py; it knows one order of options only, the alphabet's), the sounds'
graphs (sound_argv.py: it makes one graph of all, and ffmpeg runs each graph in a thread of its own), `-progress` and
other words for the program itself. Doesn't belong here: an encoder's options (encoder.py), what is filtered (graph.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import ffmpeg

from telecine.video.encoder import Options, container_options, encoder_options, with_pass, working_container
from telecine.video.following import PICTURE_LINES
from telecine.video.graph import Stream, pictures
from telecine.video.ladder import Rung
from telecine.video.memory import encoder_threads
from telecine.video.plan import VideoPlan
from telecine.video.sampling import comparable, reference_file, reference_options, selection

# The graph alone decides which frames there are; nothing of the source's tags gets into a working file.
_ALWAYS: Options = {"fps_mode": "passthrough", "map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact"}


def video_file(rung: Rung) -> str:
    """Name of a rung's picture in the work directory."""
    return f"video-{rung.name}.{working_container(rung.coding).extension}"


def picture_argv(
    plan: VideoPlan,
    rungs: Sequence[Rung],
    work_dir: Path,
    *,
    threads: int | None = None,
    first_pass: bool = False,
    telling: bool = False,
) -> list[str]:
    """What follows the inputs: `-filter_complex`, and each rung's options and file. Input 0 is the source.

    Then come the references of what is sampled for quality figures.

    Args:
        threads: cores to use; None for all.
        first_pass: only the statistics that `two_pass` needs, no files.
        telling: whether the first picture says each of its frames (`PICTURE_LINES`).
    """
    source = ffmpeg.input("source")[str(plan.video.index)]
    made = pictures(source, plan.video, plan.timing, rungs)
    outputs: list[Stream] = []
    references: list[Stream] = []
    # ffmpeg numbers the logs of passes by outputs: those with two passes come first, in both.
    for rung in sorted(rungs, key=lambda rung: not rung.coding.two_pass):
        pace, own = rung.pace(plan.timing), threads and encoder_threads(plan, rung, rungs, threads)
        options = encoder_options(rung.coding, pace, rung.width, threads=own, source=plan.video)
        if rung.coding.two_pass:
            options = with_pass(rung.coding, options, 1 if first_pass else 2, work_dir / f"passes-{rung.name}")
        options |= {"f": "null"} if first_pass else container_options(rung.coding)
        options |= PICTURE_LINES if telling and not outputs else {}
        target = "-" if first_pass else f"file:{work_dir / video_file(rung)}"
        picture = made[rung.name]
        if plan.samples and comparable(rung) and not first_pass:
            both = picture.filter_multi_output("split", 2)
            picture = both[0]
            sampled = both[1].filter("select", selection([w.of(rung, plan.timing) for w in plan.samples]))
            reference = f"file:{work_dir / reference_file(rung)}"
            references.append(ffmpeg.output(sampled, reference, **reference_options(rung), **_ALWAYS))
        outputs.append(ffmpeg.output(picture, target, **options, **_ALWAYS))
    words: list[str] = ffmpeg.get_args(ffmpeg.merge_outputs(*outputs, *references))
    return words[words.index("-filter_complex") :]
