"""Uploading a set of outputs below its generation, where nothing is ever overwritten.

Belongs here: order and parallelism of the puts. Doesn't belong here: making the set visible (telecine/publish). Knows
nothing of the ledger, because pool processes import it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from telecine.artifact import Artifact
from telecine.manifest import manifest_output
from telecine.partition import generation_prefix
from telecine.storage import ObjectStore

_UPLOADS = 4  # parallel puts for one file's outputs, 32 MB each at most
_PLAYLIST = "application/vnd.apple.mpegurl"
_PREVIEW_SIDE = 640  # pixels; the Dagster UI shows a picture at its own size


def upload_artifacts(
    store: ObjectStore, bucket: str, partition: str, generation: int, out_dir: Path, artifacts: Sequence[Artifact]
) -> list[dict[str, Any]]:
    """Put all files of a set below its generation; returns the manifest's `outputs`.

    Nothing ever names a file that isn't there: see `upload_order`.
    """
    prefix = generation_prefix(partition, generation)
    with ThreadPoolExecutor(_UPLOADS) as pool:
        for group in upload_order(artifacts):
            list(
                pool.map(
                    lambda item: store.upload(bucket, prefix + item[0], out_dir / item[0], mime=item[1]),
                    group.items(),
                )
            )
    outputs = []
    for artifact in artifacts:
        files_url = None
        if artifact.stream_files is not None:
            files_url = f"{artifact.path.rsplit('/', 1)[0]}/{artifact.name}.files.json"
            store.write(bucket, prefix + files_url, _files_list(artifact), mime="application/json")
            files_url = f"g{generation}/{files_url}"
        outputs.append(manifest_output(artifact, partition, generation, files_url))
    return outputs


def upload_order(artifacts: Sequence[Artifact]) -> tuple[dict[str, str], ...]:
    """Media types by path in three groups, each of which is there before the next begins.

    Segments and files that stand alone, then media playlists, then the entry files of streams, which name those.
    """
    groups: tuple[dict[str, str], ...] = ({}, {}, {})
    entries = {a.path for a in artifacts if a.stream_files is not None}
    for path, mime in [(f.path, f.mime) for a in artifacts for f in a.stream_files or ()] + [
        (a.path, a.mime) for a in artifacts
    ]:
        groups[2 if path in entries else 1 if mime == _PLAYLIST else 0][path] = mime
    return groups


def upload_preview(
    store: ObjectStore,
    bucket: str,
    partition: str,
    generation: int,
    outputs: Sequence[Mapping[str, Any]],
    preview: bytes | None,
) -> str | None:
    """URL, relative to the manifest, of a picture for the Dagster UI: the smallest output, or an upload of `preview`
    when every picture among the outputs is large, and for videos, of which the poster says most. It is no output, so
    the manifest doesn't list it."""
    pictures = [o for o in outputs if o["mime"].startswith("image/") and not o["asset"].startswith("video/")]
    pictures = [o for o in pictures if max(o["width"], o["height"]) <= _PREVIEW_SIDE]
    if pictures:
        return str(min(pictures, key=lambda output: int(output["size_bytes"]))["url"])
    if preview is None:
        return None
    store.write(bucket, f"{generation_prefix(partition, generation)}preview.jpg", preview, mime="image/jpeg")
    return f"g{generation}/preview.jpg"


def upload_plot(store: ObjectStore, bucket: str, partition: str, generation: int, plot: bytes | None) -> str | None:
    """URL, relative to the manifest, of a drawing for the Dagster UI; no output either."""
    if plot is None:
        return None
    store.write(bucket, f"{generation_prefix(partition, generation)}quality.svg", plot, mime="image/svg+xml")
    return f"g{generation}/quality.svg"


def _files_list(artifact: Artifact) -> bytes:
    """A stream's files with sizes and hashes; paths are relative to the generation's directory."""
    files = [
        {"path": f.path, "mime": f.mime, "size_bytes": f.size_bytes, "sha256": f.sha256}
        for f in artifact.stream_files or ()
    ]
    return json.dumps({"schema": 1, "files": files}, indent=1).encode()
