"""Making a storyboard: sheets of small pictures, and the WebVTT index that says which of them belongs to which time.

Belongs here: the run, the files and whether they are right. Doesn't belong here: the layout (storyboard_plan.py).
Sources: W3C WebVTT; Media Fragments URI 1.0 (`#xywh=`), which players read in thumbnail tracks.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pysubs2
from PIL import Image

from telecine.errors import ErrorCode, InputError, SystemFault
from telecine.process import run
from telecine.progress import Quiet
from telecine.tools import ffmpeg_path
from telecine.video.following import Following
from telecine.video.frame_command import Footage, sheets_argv
from telecine.video.frames import SAMPLING
from telecine.video.plan import VideoPlan
from telecine.video.still import save
from telecine.video.storyboard_plan import Storyboard

_FRAGMENT = re.compile(r"^(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$")


def make_storyboard(
    plan: VideoPlan, board: Storyboard, footage: Footage, folder: Path, cancel: threading.Event
) -> None:
    """Write the sheets and then their index into a folder.

    Raises:
        InputError: CORRUPT_MEDIA when the video ends before the first frame.
        SystemFault: VERIFY_FAILED when a sheet or the index is wrong.
    """
    (folder / board.sheet_pattern).parent.mkdir(parents=True, exist_ok=True)
    raw = [(folder / name).with_suffix(".ppm") for name in board.sheet_files]
    argv = sheets_argv(
        ffmpeg_path(),
        plan,
        footage,
        interval_ms=board.interval_ms,
        count=board.count,
        tile=(board.tile_width, board.tile_height),
        grid=(board.columns, board.rows),
        pattern=(folder / board.sheet_pattern).with_suffix(".ppm"),
    )
    run(argv, limits=SAMPLING, cancel=cancel, on_line=Following(Quiet(), "", board.duration_s))
    if not raw[0].exists():
        raise InputError(ErrorCode.CORRUPT_MEDIA, "no frame of the picture can be decoded for the storyboard")
    for source, name in zip(raw, board.sheet_files, strict=True):
        try:
            with Image.open(source) as sheet:
                save(sheet, folder / name, board.format, board.quality)
        except FileNotFoundError as e:
            raise SystemFault(ErrorCode.VERIFY_FAILED, f"sheet {name} is missing") from e
        source.unlink()
    (folder / board.index_file).write_text(index(board))
    try:
        verify(board, folder)
    except SystemFault:
        (folder / board.index_file).unlink()  # the streams look for it
        raise


def index(board: Storyboard) -> str:
    """The WebVTT file: one cue a tile."""
    cues = pysubs2.SSAFile()
    for tile in range(board.count):
        sheet, left, top = board.place(tile)
        start, end = tile * board.interval_ms, min((tile + 1) * board.interval_ms, round(board.duration_s * 1000))
        where = f"{sheet}#xywh={left},{top},{board.tile_width},{board.tile_height}"
        cues.append(pysubs2.SSAEvent(start=start, end=end, text=where))
    return cues.to_string("vtt")


def verify(board: Storyboard, folder: Path) -> None:
    """Whether the index covers the whole video, and every place that it names lies inside its sheet.

    Raises:
        SystemFault: VERIFY_FAILED.
    """
    try:
        cues = pysubs2.SSAFile.load(str(folder / board.index_file), encoding="utf-8", format_="vtt")
        sizes = {}
        for name in board.sheet_files:
            with Image.open(folder / name) as sheet:
                sizes[name] = sheet.size
    except (OSError, ValueError, pysubs2.exceptions.Pysubs2Error) as e:
        raise SystemFault(ErrorCode.VERIFY_FAILED, f"the storyboard {board.name} can't be read back", str(e)) from e
    at = 0
    for cue in cues:
        found = _FRAGMENT.match(cue.plaintext)
        left, top, width, height = (int(number) for number in found.groups()[1:]) if found else (0, 0, 0, 0)
        right, bottom = sizes.get(found[1], (0, 0)) if found else (0, 0)
        if not width or not height or left + width > right or top + height > bottom:
            raise _wrong(board, f"a cue points outside of its sheet: {cue.plaintext}")
        if cue.start != at or cue.end <= cue.start:
            raise _wrong(board, f"a cue starts at {cue.start} ms instead of {at} ms")
        at = cue.end
    if len(cues) != board.count or abs(at - board.duration_s * 1000) > 1:
        raise _wrong(board, f"its {len(cues)} cues end at {at} ms")


def _wrong(board: Storyboard, why: str) -> SystemFault:
    return SystemFault(ErrorCode.VERIFY_FAILED, f"the storyboard {board.name} is wrong: {why}")
