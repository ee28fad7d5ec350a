"""Small streams made with our own code, the gateway's page over them, and a seat in front of it: no stack needed.

Not a test. A `Theatre` serves a folder of published partitions as an output bucket would (other origin, CORS), and the
gateway over the same folder.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from telecine.artifact import MediaResult
from telecine.gateway.app import Keys, create_app
from telecine.gateway.shelf import Published
from telecine.gateway.tokens import Tokens
from telecine.manifest import Manifest, SourceRef, build_manifest, manifest_output, parse_manifest
from telecine.probe import probe
from telecine.progress import Quiet
from telecine.recipe import Recipe, parse_recipe
from telecine.sidecar import sidecar_of
from telecine.sniff import Kind
from telecine.sound.files import process_audio
from telecine.stream.keys import KeyRing
from telecine.video.audio_streams import add_streams
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
    content_keys: dict[bytes, bytes] = field(default_factory=dict)
    _manifests: dict[str, Manifest] = field(default_factory=dict)

    # -- the gateway's shelf

    def manifest(self, partition: str) -> Manifest | None:
        return self._manifests.get(partition)

    def recent(self, limit: int) -> Sequence[Published]:
        return [Published(found, found.created_at) for found in list(self._manifests.values())[-limit:]]

    # -- the gateway's keys

    def find(self, partition: str, key_id: bytes) -> bytes | None:
        return self.content_keys.get(key_id)

    # -- putting something on

    def show(self, name: str, source: Path, outputs: Sequence[Mapping[str, Any]], captions: Sequence[Path] = ()) -> str:
        """Make a recipe's outputs from a video as a run would, and publish them; answers the partition."""
        partition, out = self._place(name)
        recipe, work, cancel = _recipe(name, outputs), self.folder / "work" / name, threading.Event()
        work.mkdir(parents=True)
        found = [(sidecar_of(source.name, path.name), path) for path in captions]
        files = [replace(sidecar, path=str(path)) for sidecar, path in found if sidecar is not None]
        plan, ring = plan_video(probe(source), recipe, files), KeyRing(partition, 1, self.gateway)
        encoded = encode(plan, source, work, Quiet(), cancel)
        result = finish(plan, encoded, source, out, Quiet(), cancel, ring=ring)
        self.content_keys |= {key.id: key.value for key in ring.keys}
        return self._publish(partition, recipe, source, "video", result)

    def show_sound(self, name: str, source: Path, outputs: Sequence[Mapping[str, Any]]) -> str:
        """The same for a sound file."""
        partition, out = self._place(name)
        recipe, facts, cancel = _recipe(name, outputs), probe(source), threading.Event()
        result = process_audio(facts, source, recipe, out, Quiet(), cancel)
        result = add_streams(result, facts, recipe, out, (), cancel)
        return self._publish(partition, recipe, source, "audio", result)

    def _place(self, name: str) -> tuple[str, Path]:
        partition = f"{name}-{len(self._manifests):08x}"
        out = self.folder / BUCKET / partition / "g1"
        out.mkdir(parents=True)
        return partition, out

    def _publish(self, partition: str, recipe: Recipe, source: Path, kind: Kind, result: MediaResult) -> str:
        assert not result.failures
        rows = [manifest_output(a, partition, 1, "g1/files.json" if a.stream_files else None) for a in result.artifacts]
        size = source.stat().st_size
        reference = SourceRef("media-incoming", f"theatre/{source.name}", "e", size, kind, result.facts)
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


def _recipe(name: str, outputs: Sequence[Mapping[str, Any]]) -> Recipe:
    return parse_recipe({"name": "theatre", "outputs": list(outputs)}, name)


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
    keys = Keys(theatre, Tokens(secrets.token_bytes(32)))
    page = create_app(theatre, outputs_url=theatre.outputs, gateway_url=theatre.gateway, keys=keys)
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
