"""The main job for files on this machine: upload, insert jobs, follow them, bring the results home.

Belongs here: what `telecine process` and `telecine demo` do. Doesn't belong here: how it looks in a terminal
(telecine/cli/process.py), or starting a stack (telecine/local).
"""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from telecine.artifact import sha256_of
from telecine.config import UPLOADS_PREFIX, is_captions, is_temporary
from telecine.errors import ErrorCode, InputError, SystemFault, TelecineError
from telecine.job_id import new_id
from telecine.ledger import Job, JobStatus, Ledger, generations, media
from telecine.ledger import jobs as job_rows
from telecine.partition import partition_key
from telecine.priority import Lane
from telecine.recipe import Recipe
from telecine.settings import Settings
from telecine.sidecar import upload_sidecars
from telecine.sniff import HEAD_BYTES, Sniffed, sniff
from telecine.storage import ObjectStore

_UPLOADS = 4


@dataclass(frozen=True, slots=True)
class Submission:
    """One file handed over, from path to outcome.

    Attributes:
        given: the path as the user gave it (for a folder or glob: the file's path below it).
        error: code and sentence once the file failed.
        job: as the ledger saw it last.
    """

    given: str
    path: Path
    sniffed: Sniffed | None = None
    partition: str | None = None
    job_id: str | None = None
    kind: str | None = None
    status: JobStatus = JobStatus.PENDING
    stage: str | None = None
    progress: float = 0.0
    error: tuple[str, str] | None = None
    manifest: dict[str, Any] | None = None
    job: Job | None = None

    @property
    def is_over(self) -> bool:
        return self.status.is_final

    def failed(self, error: TelecineError) -> Submission:
        """This submission, ended by an error."""
        return replace(self, status=JobStatus.FAILED, error=(error.code.value, error.message))

    def as_json(self) -> dict[str, Any]:
        """One entry of the `files` list of `telecine process --json`."""
        status = {JobStatus.COMPLETED: "completed"}.get(self.status, "failed" if self.is_over else "pending")
        return {
            "path": self.given,
            "partition": self.partition,
            "job_id": self.job_id,
            "kind": self.kind,
            "status": status,
            "error": {"code": self.error[0], "message": self.error[1]} if self.error else None,
            "outputs": self.manifest["outputs"] if self.manifest else [],
        }


def find_files(given: Iterable[str]) -> list[Submission]:
    """Files, globs and folders as submissions, in order; what isn't there is a failed submission, not an exception.

    Folders are searched recursively; hidden and temporary names in them are left out, and captions, which go with the
    video beside them.
    """
    found: list[Submission] = []
    for name in given:
        path = Path(name)
        if path.is_dir():
            below = [(p, p.relative_to(path).as_posix()) for p in sorted(path.rglob("*")) if p.is_file()]
            found += [Submission(str(p), p) for p, name in below if not is_temporary(name) and not is_captions(name)]
        elif path.is_file():
            found.append(Submission(name, path))
        else:
            matches = sorted(Path(match) for match in glob.glob(name, recursive=True))  # noqa: PTH207  absolute globs
            files = [p for p in matches if p.is_file()]
            found += [Submission(str(p), p) for p in files]
            if not files:
                missing = InputError(ErrorCode.SOURCE_MISSING, f"{name}: no such file or folder")
                found.append(Submission(name, path).failed(missing))
    return [_sniffed(submission) for submission in found]


def _sniffed(submission: Submission) -> Submission:
    if submission.is_over:
        return submission
    try:
        with submission.path.open("rb") as f:
            sniffed = sniff(f.read(HEAD_BYTES))
    except TelecineError as e:
        return submission.failed(e)
    except OSError as e:
        unreadable = InputError(ErrorCode.SOURCE_MISSING, f"{submission.given}: {e.strerror}")
        return submission.failed(unreadable)
    return replace(submission, sniffed=sniffed, kind=sniffed.kind)


def hand_over(
    ledger: Ledger,
    store: ObjectStore,
    settings: Settings,
    submissions: Sequence[Submission],
    recipe: Recipe,
    priority: int,
) -> Iterator[Submission]:
    """Upload each file below `uploads/<sha12>/<name>` and insert its job; yields them as they are accepted, in order.

    Two files of the same name and content get objects of their own (`<sha12>-2`), so each is a job.
    """
    taken: set[str] = set()
    places: list[str] = []
    for submission in submissions:
        places.append("" if submission.is_over else _place(submission.path, taken))

    def upload(item: tuple[Submission, str]) -> Submission:
        submission, key = item
        if submission.is_over or submission.sniffed is None:
            return submission
        try:
            return _accept(ledger, store, settings, submission, key, recipe, priority)
        except TelecineError as e:
            return submission.failed(e)

    with ThreadPoolExecutor(_UPLOADS) as pool:
        yield from pool.map(upload, zip(submissions, places, strict=True))


def _place(path: Path, taken: set[str]) -> str:
    digest = sha256_of(path)[:12]
    # Names that aren't UTF-8 exist on disks but not in S3 keys.
    name = path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    key, number = f"{UPLOADS_PREFIX}{digest}/{name}", 1
    while key in taken:
        number += 1
        key = f"{UPLOADS_PREFIX}{digest}-{number}/{name}"
    taken.add(key)
    return key


def _accept(
    ledger: Ledger,
    store: ObjectStore,
    settings: Settings,
    submission: Submission,
    key: str,
    recipe: Recipe,
    priority: int,
) -> Submission:
    assert submission.sniffed is not None
    bucket = settings.input_bucket
    there = store.stat(bucket, key)
    if there is None or there.size_bytes != submission.path.stat().st_size:  # the key names the content
        store.upload(bucket, key, submission.path, mime=submission.sniffed.mime, cache="no-cache")
        there = store.stat(bucket, key)
    if there is None:
        raise InputError(ErrorCode.SOURCE_MISSING, f"{bucket}/{key} was deleted right after its upload")
    if submission.kind == "video":
        upload_sidecars(store, submission.path, bucket, key)
    job_id = ledger.do(
        media.accept,
        there,
        submission.sniffed,
        recipe,
        priority=priority,
        lane=Lane.LIVE,
        origin="process",
        job_id=new_id(),
    )
    return replace(submission, partition=partition_key(bucket, key), job_id=job_id)


def refresh(ledger: Ledger, submissions: Sequence[Submission]) -> list[Submission]:
    """The submissions as the ledger sees them now."""
    open_ids = [s.job_id for s in submissions if s.job_id and not s.is_over]
    found = ledger.do(job_rows.get, open_ids) if open_ids else {}
    return [_updated(ledger, s, found[s.job_id]) if s.job_id in found else s for s in submissions]


def _updated(ledger: Ledger, submission: Submission, job: Job) -> Submission:
    error = None
    if job.status.is_final and job.status is not JobStatus.COMPLETED:
        error = (job.error_code or ErrorCode.INTERNAL.value, job.error_message or f"the job is {job.status}")
    return replace(
        submission,
        kind=job.kind,
        status=job.status,
        stage=job.stage,
        progress=job.progress,
        error=error,
        manifest=ledger.do(generations.of_job, job.job_id) if job.status is JobStatus.COMPLETED else None,
        job=job,
    )


def bring_home(store: ObjectStore, settings: Settings, manifest: dict[str, Any], directory: Path) -> Path:
    """Copy one partition's tree to `directory/<partition>/`, manifest last, so that its relative URLs work on disk.

    Returns the manifest's path.

    Raises:
        TelecineError: from the store, or VERIFY_FAILED when a copy differs from its checksum.
    """
    bucket = settings.output_bucket
    wanted: dict[str, str] = {}
    for output in manifest["outputs"]:
        wanted[output["key"]] = output["sha256"]
        if output["files"]:
            generation = output["key"].split("/", 2)[:2]
            files_key = f"{manifest['partition']}/{output['files']}"
            listed = store.read(bucket, files_key)
            wanted[files_key] = hashlib.sha256(listed).hexdigest()
            for file in json.loads(listed)["files"]:
                wanted["/".join([*generation, file["path"]])] = file["sha256"]

    def copy(item: tuple[str, str]) -> None:
        key, digest = item
        target = directory / key
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        store.download(bucket, key, part)
        if sha256_of(part) != digest:
            part.unlink()
            raise SystemFault(ErrorCode.VERIFY_FAILED, f"{key} differs from its checksum after the copy")
        part.replace(target)

    with ThreadPoolExecutor(_UPLOADS) as pool:
        list(pool.map(copy, wanted.items()))
    path = directory / str(manifest["partition"]) / "manifest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False))
    return path
