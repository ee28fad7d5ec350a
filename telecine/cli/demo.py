"""`telecine demo`: media dropped in the bucket, as a team would, followed until every file is done."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telecine.cli.app import app, err
from telecine.cli.follow import follow
from telecine.cli.process import connect, finish, show_outputs

if TYPE_CHECKING:
    from telecine.submission import Submission

DEMO_PREFIX = "demo/"


@app.command()
def demo(
    media: Annotated[Path | None, typer.Argument(help="A folder of your own media; otherwise some is made.")] = None,
) -> None:
    """Drop media in the watched bucket, wait until all is done, and print what was made and where to look.

    Exit codes: 0 all done; 3 some file failed; 1 the system failed.
    """
    from telecine.submission import find_files

    started = time.monotonic()
    if media is not None and not media.is_dir():
        raise typer.BadParameter(f"{media} is not a folder", param_hint="MEDIA")
    ledger, store, settings = connect()
    with tempfile.TemporaryDirectory(prefix="telecine-demo-") as made:
        folder = media or _make_media(Path(made))
        submissions = find_files([str(folder)])
        if not submissions:
            raise typer.BadParameter(f"{folder} holds no files", param_hint="MEDIA")
        dropped = [_drop(store, settings, folder, s) for s in submissions]
        submissions = [s for s, _ in dropped]
        identities = {s.given: identity for s, identity in dropped}
        submissions = follow(submissions, lambda now: _look(ledger, now, identities), err)
    show_outputs(submissions, settings)
    out = typer.echo
    out(f"\nDagster UI:     {settings.dagster_url}")
    out(f"Output bucket:  {settings.outputs_url}/")
    out(f"Drop bucket:    {settings.s3_url}/{settings.input_bucket}/  (anything below it is processed)")
    for s in submissions:
        streams = [o for o in (s.manifest["outputs"] if s.manifest else []) if o["name"] in ("multivariant", "mpd")]
        for output in streams:
            out(f"Stream:         {settings.outputs_url}/{s.partition}/{output['url']}")
        if streams and s.partition:
            out(f"Watch:          {settings.watch_url(s.partition)}")
    finish(submissions, time.monotonic() - started)


def _make_media(folder: Path) -> Path:
    from telecine.samples import write_photos
    from telecine.samples_video import write_clip

    with err.status("making photos and a clip"):
        write_photos(folder)
        write_clip(folder / "clip-720p.mp4")
    return folder


def _drop(store: Any, settings: Any, folder: Path, submission: Submission) -> tuple[Submission, str]:
    """Put one file in the bucket; which job it becomes is the bucket sensor's business."""
    from telecine.ledger import JobStatus
    from telecine.partition import partition_key
    from telecine.sidecar import upload_sidecars

    key = DEMO_PREFIX + submission.path.relative_to(folder).as_posix()
    upload_sidecars(store, submission.path, settings.input_bucket, key)
    store.upload(settings.input_bucket, key, submission.path, mime="application/octet-stream", cache="no-cache")
    there = store.stat(settings.input_bucket, key)
    partition = partition_key(settings.input_bucket, key)
    # Whether the file is any good is decided behind the bucket, not here.
    return replace(submission, partition=partition, status=JobStatus.PENDING, error=None), there.identity


def _look(ledger: Any, submissions: Sequence[Submission], identities: dict[str, str]) -> list[Submission]:
    """The drops as the ledger sees them: not seen yet, refused, or a job."""
    from telecine.ledger import JobStatus, jobs, media
    from telecine.submission import refresh

    unseen = [s for s in submissions if s.job_id is None and not s.is_over]
    rows = ledger.do(media.by_partition, [s.partition for s in unseen]) if unseen else {}
    seen = []
    for s in submissions:
        row = rows.get(s.partition)
        if s.job_id is None and not s.is_over and row is not None and row.identity == identities[s.given]:
            if row.kind is None:
                s = replace(s, status=JobStatus.FAILED, error=(row.reason_code, row.reason))
            elif job := ledger.do(jobs.latest_of_partition, s.partition):
                s = replace(s, job_id=job.job_id, kind=row.kind) if job.identity == row.identity else s
        seen.append(s)
    return refresh(ledger, seen)
