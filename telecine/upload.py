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

_UPLOADS = 4  # parallel puts for one file's outputs
_PREVIEW_SIDE = 640  # pixels; the Dagster UI shows a picture at its own size


def upload_artifacts(
    store: ObjectStore, bucket: str, partition: str, generation: int, out_dir: Path, artifacts: Sequence[Artifact]
) -> list[dict[str, Any]]:
    """Put all files of a set below its generation; returns the manifest's `outputs`.

    Segments go before playlists and playlists before entry files, so nothing ever names a file that isn't there.
    """
    prefix = generation_prefix(partition, generation)
    segments = {f.path: f.mime for a in artifacts for f in a.stream_files or ()}
    entries = {a.path: a.mime for a in artifacts}
    first = {path: mime for path, mime in segments.items() if path not in entries}
    with ThreadPoolExecutor(_UPLOADS) as pool:
        for group in (first, entries):
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


def upload_preview(
    store: ObjectStore,
    bucket: str,
    partition: str,
    generation: int,
    outputs: Sequence[Mapping[str, Any]],
    preview: bytes | None,
) -> str | None:
    """URL, relative to the manifest, of a picture for the Dagster UI: the smallest output, or an upload of `preview`
    when every picture among the outputs is large. It is no output, so the manifest doesn't list it."""
    pictures = [o for o in outputs if o["mime"].startswith("image/") and max(o["width"], o["height"]) <= _PREVIEW_SIDE]
    if pictures:
        return str(min(pictures, key=lambda output: int(output["size_bytes"]))["url"])
    if preview is None:
        return None
    store.write(bucket, f"{generation_prefix(partition, generation)}preview.jpg", preview, mime="image/jpeg")
    return f"g{generation}/preview.jpg"


def _files_list(artifact: Artifact) -> bytes:
    """A stream's files with sizes and hashes; paths are relative to the generation's directory."""
    files = [
        {"path": f.path, "mime": f.mime, "size_bytes": f.size_bytes, "sha256": f.sha256}
        for f in artifact.stream_files or ()
    ]
    return json.dumps({"schema": 1, "files": files}, indent=1).encode()
