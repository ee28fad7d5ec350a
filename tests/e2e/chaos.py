"""A load of mixed files and a murderer with a seed, for test_chaos.py. Not a test.

The murderer kills -9 one thing after another: the daemon (so dispatch and recovery in mid-tick), run workers, the code
server, PostgreSQL and the object store, each as often as the others, at moments that its seed decides.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from telecine.acceptance import Order, accept_file
from telecine.errors import TelecineError
from telecine.job_id import new_id
from telecine.ledger import batches
from telecine.ledger.jobs import Terms
from telecine.local import engine, leftovers
from telecine.local.layout import recorded
from telecine.process import Limits, run
from telecine.recipe import load_recipe
from telecine.samples import photo
from telecine.samples_video import write_clip
from telecine.tools import ffmpeg_path
from tests.e2e.house import House, eventually

PARTS = ("daemon", "code-server", "postgres", "object-store")
WORKER = "run worker"


@dataclass(frozen=True)
class Load:
    """Files by name, and what becomes of them.

    Attributes:
        dropped: into the bucket.
        broken: of those, what can't be decoded.
        again: another content for some names, dropped while the first is under way or done.
        handed: one batch, through the other door.
    """

    dropped: Mapping[str, Path]
    broken: frozenset[str]
    again: Mapping[str, Path]
    handed: tuple[Path, ...]

    @property
    def jobs(self) -> int:
        return len(self.dropped) + len(self.again) + len(self.handed)


def write_load(folder: Path, rng: random.Random, count: int) -> Load:
    """About `count` jobs: a tenth video, a tenth sound, a tenth broken, a tenth a batch, some of them re-uploads."""
    tenth = count // 10
    sources = folder / "sources"
    sources.mkdir()
    clips = [write_clip(sources / f"clip-{n}.mp4", seconds=1 + n, width=320, height=180) for n in range(2)]
    sound = _write_sound(sources / "sound.wav")
    pictures = []
    for n in range(6):
        pictures.append(sources / f"picture-{n}.{('jpg', 'png', 'webp')[n % 3]}")
        photo(40 + n, (480 + 160 * n, 360 + 120 * n)).save(pictures[-1])
    torn = sources / "torn.jpg"
    torn.write_bytes(pictures[3].read_bytes()[:-5_000])
    noise = sources / "noise.mp4"
    noise.write_bytes(clips[0].read_bytes()[:600] + rng.randbytes(20_000))
    dropped: dict[str, Path] = {}
    for n in range(tenth):
        dropped[f"clip-{n:03}.mp4"] = clips[n % 2]
        dropped[f"sound-{n:03}.wav"] = sound
        dropped[f"broken-{n:03}"] = (torn, noise)[n % 2]
    again = {f"picture-{n:03}": pictures[(n + 1) % 6] for n in range(count // 20)}
    batch = []
    for n in range(tenth):
        batch.append(folder / f"batch-{n:03}{pictures[n % 6].suffix}")
        batch[-1].write_bytes(pictures[n % 6].read_bytes())
    for n in range(count - 4 * tenth - len(again)):
        dropped[f"picture-{n:03}"] = pictures[n % 6]
    names = list(dropped)
    rng.shuffle(names)
    broken = frozenset(name for name in dropped if name.startswith("broken"))
    return Load({name: dropped[name] for name in names}, broken, again, tuple(batch))


def _write_sound(path: Path) -> Path:
    tone = [str(ffmpeg_path()), "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=440:duration=2"]
    run([*tone, f"file:{path}"], limits=Limits(wall_s=60))
    return path


def insist(work: object, what: str) -> object:
    """What a client does whose server was killed: the same again, until it is heard."""
    assert callable(work)

    def heard() -> tuple[object] | None:
        with contextlib.suppress(TelecineError, OSError):
            return (work(),)
        return None

    return eventually(heard, what, pause_s=0.5)[0]


def hand_over(house: House, load: Load) -> str:
    """The batch, through the door that isn't the bucket; answers its id."""
    batch_id = new_id()
    house.ledger.do(batches.open_batch, batch_id, total=len(load.handed))
    recipe, terms = load_recipe("default"), Terms(batch_id=batch_id)
    for path in load.handed:
        # A key of its own makes it safe to repeat what may have been heard.
        mine = Order(recipe, terms=terms, deduplicate=False, idempotency_key=f"{batch_id}/{path.name}")
        insist(
            lambda path=path, mine=mine: accept_file(house.ledger, house.store, house.settings, path, mine), path.name
        )
    return batch_id


def drop(house: House, files: Mapping[str, Path]) -> list[str]:
    """Into the bucket, whatever becomes of the store meanwhile; answers the partitions."""

    def put(item: tuple[str, Path]) -> str:
        return str(insist(lambda: house.drop(dict([item]))[0], item[0]))

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(put, files.items()))


@dataclass
class Murderer:
    """Kills until told to stop.

    Attributes:
        kills: in turn through everything that can be killed, in an order that the seed decides.
        pauses_s: shortest and longest time between two.
        took_s: victim -> seconds until it answered again (a worker: until its claim was given back).
    """

    house: House
    rng: random.Random
    kills: int
    pauses_s: tuple[float, float]
    took_s: dict[str, list[float]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def stop(self) -> None:
        """Wait for the last recovery."""
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def is_done(self) -> bool:
        return self._thread is not None and not self._thread.is_alive()

    def _work(self) -> None:
        victims: list[str] = []
        for _ in range(self.kills):
            if not victims:
                victims = [*PARTS, WORKER]
                self.rng.shuffle(victims)
            if self._stop.wait(self.rng.uniform(*self.pauses_s)):
                return
            victim = victims.pop()
            took_s = self._kill_worker() if victim == WORKER else self._kill_part(victim)
            if took_s is not None:
                self.took_s.setdefault(victim, []).append(took_s)

    def _kill_part(self, name: str) -> float:
        process, at, killed_at = self.house.part(name), time.monotonic(), time.time()
        # The code server is killed alone, which leaves its child and the runs alive for a while, or with all of them.
        takes_all = name == "code-server" and self.rng.random() < 0.5
        for one in [process, *(process.children(recursive=True) if takes_all else ())]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()

        def is_back() -> bool:
            # Whatever it says while its part is away: asked again.
            with contextlib.suppress(Exception):
                return self.house.part(name).pid != process.pid and self._answers(name, killed_at)
            return False

        eventually(is_back, f"{name} to be back")
        return time.monotonic() - at

    def _answers(self, name: str, killed_at: float) -> bool:
        """Whether a part does its work again."""
        house = self.house
        if name == "postgres":
            return bool(house.rows("SELECT 1"))
        if name == "object-store":
            return house.store.stat(house.settings.output_bucket, "nothing") is None
        if name == "code-server":
            health = engine.health(house.known["TELECINE_DAGSTER_URL"])
            return health is not None and health.loaded
        beat = house.instance.get_daemon_heartbeats().get("SENSOR")
        return beat is not None and beat.timestamp > killed_at

    def _kill_worker(self) -> float | None:
        """A run's process that beats; None when nobody works for a while."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not self._stop.is_set():
            with contextlib.suppress(TelecineError):
                for claim in self.house.rows(
                    "SELECT claim_id, worker FROM telecine.claims WHERE ended_at IS NULL AND worker IS NOT NULL"
                    " AND heartbeat_at > now() - interval '3 s'"
                ):
                    pid, at = int(claim.worker.rsplit(":", 1)[1]), time.monotonic()
                    if psutil.pid_exists(pid):
                        with contextlib.suppress(psutil.NoSuchProcess):
                            psutil.Process(pid).kill()
                        eventually(lambda c=claim: self._is_given_back(c.claim_id), "the claim to be given back")
                        return time.monotonic() - at
            time.sleep(0.1)
        return None

    def _is_given_back(self, claim_id: str) -> bool:
        with contextlib.suppress(TelecineError):
            return bool(
                self.house.rows(
                    "SELECT 1 FROM telecine.claims WHERE claim_id = :c AND ended_at IS NOT NULL", c=claim_id
                )
            )
        return False


def left_at_work(house: House) -> list[str]:
    """Command lines of run workers, their pools and their programs that still exist."""
    layout = recorded(Path(house.known["TELECINE_HOME"]))
    assert layout is not None
    found = []
    for process in leftovers.find(layout):
        with contextlib.suppress(psutil.NoSuchProcess):
            line = " ".join(process.cmdline())
            if any(word in line for word in ("execute_run", "ffmpeg", "packager", "loky")):
                found.append(line[:200])
    return found
