"""The pictures of a video as artifacts: from what was planned to files with their descriptions.

Each is made for itself, so that one that can't be made costs no other. Doesn't belong here: how a picture is made
(still.py, preview.py, storyboard.py).
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from telecine.artifact import Artifact, StreamFile, sha256_of
from telecine.progress import ProgressSink
from telecine.video.encode import Encoded
from telecine.video.frames import cheapest, original
from telecine.video.gather import Gathering
from telecine.video.moments import Moments
from telecine.video.plan import THUMBNAILS, VideoPlan
from telecine.video.preview import make_preview
from telecine.video.still import take
from telecine.video.still_plan import AnimatedPreview, Still
from telecine.video.storyboard import make_storyboard

_STAGE = "STILLS_AND_CLEANUP"
_EXTENSION = {"jpeg": "jpg", "png": "png", "webp": "webp"}


def storyboard_artifact(
    plan: VideoPlan, encoded: Encoded, source: Path, out_dir: Path, cancel: threading.Event
) -> Artifact:
    """Make the planned storyboard; listed by its index, with the sheets as the files of a stream.

    Raises:
        InputError: CORRUPT_MEDIA when no frame can be decoded.
        SystemFault: VERIFY_FAILED when a sheet or the index is wrong.
    """
    board = plan.storyboard
    assert board is not None
    folder = _folder(out_dir)
    make_storyboard(plan, board, cheapest(plan, encoded, source), folder, cancel)
    files = []
    for name in (*board.sheet_files, board.index_file):
        path = folder / name
        mime = board.INDEX_MIME if name == board.index_file else board.sheet_mime
        files.append(StreamFile(path.relative_to(out_dir).as_posix(), mime, path.stat().st_size, sha256_of(path)))
    index, tile = folder / board.index_file, (board.tile_width, board.tile_height)
    entry = Artifact.of_file(THUMBNAILS, board.name, index, out_dir, board.INDEX_MIME, tile)
    return replace(entry, duration_s=round(board.duration_s, 3), stream_files=tuple(files))


def make_stills(
    plan: VideoPlan,
    encoded: Encoded,
    source: Path,
    out_dir: Path,
    gathered: Gathering,
    sink: ProgressSink,
    cancel: threading.Event,
) -> bytes | None:
    """Make the planned stills and moving previews, each for itself; a small picture of the first for the Dagster UI."""
    folder, shown = _folder(out_dir), None
    footage, cheap = original(plan, source), cheapest(plan, encoded, source)
    most = max((still.of for still in plan.stills), default=1)
    moments = Moments(plan, cheap, Path(encoded.work_dir), cancel, pictures=most)
    pictures: tuple[Still | AnimatedPreview, ...] = (*plan.stills, *plan.previews)
    for number, picture in enumerate(pictures):
        doing = {"operation": "still", "item": picture.name, "done": number, "total": len(pictures)}
        sink.report(_STAGE, number / len(pictures), doing)
        with gathered.output((THUMBNAILS, picture.name)):
            if isinstance(picture, Still):
                target = folder / f"{picture.name}.{_EXTENSION[picture.format]}"
                taken = take(plan, picture, footage, moments, target, cancel)
                size, mime = (taken.width, taken.height), f"image/{picture.format}"
                artifact = Artifact.of_file(THUMBNAILS, picture.name, target, out_dir, mime, size)
                gathered.artifacts.append(replace(artifact, offset_s=taken.offset_s))
                shown = shown or taken.preview
            else:
                target = folder / f"{picture.name}.webp"
                large = cheapest(plan, encoded, source, least_width=picture.scaled[0])
                make_preview(plan, picture, large, cheap, moments, target, cancel)
                artifact = Artifact.of_file(THUMBNAILS, picture.name, target, out_dir, "image/webp", picture.scaled)
                gathered.artifacts.append(replace(artifact, duration_s=round(picture.duration_s, 3)))
    return shown


def _folder(out_dir: Path) -> Path:
    folder = out_dir / "thumbnails"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
