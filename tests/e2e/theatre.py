"""Small streams made with our own code, the gateway's page over them, and a seat in front of it: no stack needed.

Not a test. A `Theatre` serves a folder of published partitions as an output bucket would (other origin, CORS), and the
gateway over the same folder.
"""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from telecine.gateway.app import create_app
from telecine.gateway.shelf import Published
from telecine.manifest import Manifest, SourceRef, build_manifest, manifest_output, parse_manifest
from telecine.probe import probe
from telecine.progress import Quiet
from telecine.recipe import parse_recipe
from telecine.video.encode import encode
from telecine.video.finish import finish
from telecine.video.plan import plan_video

BUCKET = "media-outputs"


@dataclass
class Theatre:
    """What is on.

    Attributes:
        folder: where `BUCKET` lies.
    """

    folder: Path
    gateway: str = ""
    outputs: str = ""
    _manifests: dict[str, Manifest] = field(default_factory=dict)

    # -- the gateway's shelf

    def manifest(self, partition: str) -> Manifest | None:
        return self._manifests.get(partition)

    def recent(self, limit: int) -> Sequence[Published]:
        return [Published(found, found.created_at) for found in list(self._manifests.values())[-limit:]]

    # -- putting something on

    def show(self, name: str, source: Path, outputs: Sequence[Mapping[str, Any]]) -> str:
        """Make a recipe's outputs from a video as a run would, and publish them; answers the partition."""
        partition = f"{name}-{len(self._manifests):08x}"
        recipe = parse_recipe({"name": "theatre", "outputs": list(outputs)}, name)
        work, out = self.folder / "work" / name, self.folder / BUCKET / partition / "g1"
        work.mkdir(parents=True)
        out.mkdir(parents=True)
        cancel = threading.Event()
        plan = plan_video(probe(source), recipe)
        result = finish(plan, encode(plan, source, work, Quiet(), cancel), source, out, Quiet(), cancel)
        assert not result.failures
        rows = [manifest_output(a, partition, 1, "g1/files.json" if a.stream_files else None) for a in result.artifacts]
        reference = SourceRef(
            "media-incoming", f"theatre/{source.name}", "e", source.stat().st_size, "video", result.facts
        )
        made = build_manifest(partition, 1, datetime.now(UTC), recipe.name, recipe.hash, reference, rows)
        self._manifests[partition] = parse_manifest(json.dumps(made).encode())
        return partition

    def show_without(self, partition: str, *missing: str) -> str:
        """The same once more, without some of its files, as after a careless clean-up; answers the partition."""
        copy = f"damaged-{len(self._manifests):08x}"
        bucket = self.folder / BUCKET
        shutil.copytree(bucket / partition, bucket / copy)
        for path in missing:
            (bucket / copy / path).unlink()
        self._manifests[copy] = self._manifests[partition].model_copy(update={"partition": copy})
        return copy


@contextmanager
def open_theatre(folder: Path) -> Iterator[Theatre]:
    """Serve a folder until the block ends."""
    (folder / BUCKET).mkdir()
    theatre = Theatre(folder)
    gateway, store = _socket(), _socket()
    theatre.gateway = f"http://127.0.0.1:{gateway.getsockname()[1]}"
    theatre.outputs = f"http://127.0.0.1:{store.getsockname()[1]}/{BUCKET}"
    bucket = Starlette(middleware=[Middleware(CORSMiddleware, allow_origins=["*"])])
    bucket.mount("/", StaticFiles(directory=folder))
    page = create_app(theatre, outputs_url=theatre.outputs, gateway_url=theatre.gateway)
    with _serving(page, gateway), _serving(bucket, store):
        yield theatre


def _socket() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    return listening


@contextmanager
def _serving(app: Any, listening: socket.socket) -> Iterator[None]:
    """uvicorn in a thread of its own, with an event loop of its own."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield
    server.should_exit = True
    thread.join(10)
