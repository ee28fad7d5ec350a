"""`telecine verify` on directories and web servers: its report, its exit codes, and what it asks a server for."""

from __future__ import annotations

import json
import random
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import pytest
from strangers import STRANGERS
from typer.testing import CliRunner

from telecine.cli.app import app
from telecine.errors import ErrorCode, TelecineError
from telecine.stream.verify import Directory, Session, verify
from telecine.stream.verify.measured import Container, Measured, Piece
from telecine.stream.verify.rendition import Rendition
from telecine.stream.verify.web import Web, WebLimits, final_url
from telecine.stream.verify.window import Extent

TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml", ".vtt": "text/vtt"}


class Handler(SimpleHTTPRequestHandler):
    """A directory with right types; with ranges where the server has them."""

    extensions_map = {"": "application/octet-stream", ".m4s": "video/iso.segment", ".mp4": "video/mp4", **TYPES}  # noqa: RUF012

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        given = self.headers.get("Range")
        server.asked.append((self.path, given))
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            self.end_headers()
            return
        path = Path(self.translate_path(self.path))
        if not server.ranges or given is None or not path.is_file():
            super().do_GET()
            return
        data = path.read_bytes()
        first, _, last = given.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) if last else len(data), len(data) - 1)
        self.send_response(206 if start < len(data) else 416)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {start}-{end}/{len(data)}" if data else f"bytes */{len(data)}")
        self.send_header("Content-Length", str(max(0, end + 1 - start)))
        self.end_headers()
        self.wfile.write(data[start : end + 1])

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


Answering = TypeVar("Answering", bound=ThreadingHTTPServer)


class Server(ThreadingHTTPServer):
    """What was asked for, and how it answers."""

    def __init__(self, directory: Path, *, ranges: bool) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(directory)))
        self.asked: list[tuple[str, str | None]] = []
        self.redirects: dict[str, str] = {}
        self.ranges = ranges

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def answering(server: Answering) -> Iterator[Answering]:
    """A server at work while the block lasts."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def serving(directory: Path, *, ranges: bool = True) -> AbstractContextManager[Server]:
    return answering(Server(directory, ranges=ranges))


def run(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["verify", *words])
    if isinstance(found.exception, TelecineError):
        return 1, str(found.exception)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.output


def test_a_directory_is_reported_line_by_line(good: Path) -> None:
    code, text = run(str(good))
    assert code == 0
    line = next(line for line in text.splitlines() if " APPLE-1.27 " in line)
    assert line.startswith("pass")
    assert "360p.m3u8" in line
    assert line.count("bit/s") == 2
    assert re.search(r"\b[78]\d rules kept, 0 broken", text)


def test_a_broken_package_ends_with_3_and_names_rule_and_file(package: Path) -> None:
    (package / "240p" / "00003.m4s").unlink()
    code, text = run(str(package / "multivariant.m3u8"))
    assert code == 3
    line = next(line for line in text.splitlines() if " TC-FILES " in line)
    assert line.startswith("fail")
    assert "240p/00003.m4s" in line
    assert "isn't there" in line


def test_json_has_every_rule_with_its_source(good: Path) -> None:
    code, text = run(str(good), "--json", "--only", "dash")
    document = json.loads(text)
    assert code == 0
    assert document["good"] is True
    assert document["fail"] == 0
    rules = {rule["rule"]: rule for rule in document["rules"]}
    assert rules["DASH-5.3.5.2"]["source"] == "ISO/IEC 23009-1 5.3.5.2"
    assert rules["DASH-5.3.5.2"]["verdict"] == "pass"
    assert "RFC8216-4.1" not in rules


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda d: d / "nothing", "isn't there"),
        (lambda d: "http://[::1", "is no URL"),
        (lambda d: d, "there is no playlist and no MPD"),
        (lambda d: _written(d / "a.txt", "hello"), "is neither a playlist nor an MPD"),
        (lambda d: _written(d / "a.m3u8", "\xff\xfe", "latin-1"), "isn't UTF-8"),
    ],
)
def test_what_is_no_package_ends_with_1_and_a_sentence(
    tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    code, text = run(str(make(tmp_path)))
    assert code == 1
    assert ErrorCode.PACKAGE_UNREADABLE.value in text
    assert says in text


def _written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no-ranges"])
def test_a_web_server_is_asked_and_its_types_are_looked_at(good: Path, ranges: bool) -> None:
    with serving(good, ranges=ranges) as server:
        code, text = run(f"{server.url}/", "--json")
        asked = list(server.asked)
    document = json.loads(text)
    assert code == 0, [rule for rule in document["rules"] if rule["verdict"] == "fail"]
    types = next(rule for rule in document["rules"] if rule["rule"] == "APPLE-10.4")
    assert types["verdict"] == "pass"
    assert types["looked_at"] > 20
    segments = [path for path, _ in asked if path.endswith(".m4s")]
    assert len(segments) == len(set(segments)) if not ranges else len(segments) <= 2 * len(set(segments))


def test_wrong_types_are_a_should(package: Path) -> None:
    (package / "multivariant.m3u8").rename(package / "multivariant.txt")
    with serving(package) as server:
        code, text = run(f"{server.url}/multivariant.txt?token=abc", "--json")
    rules = {rule["rule"]: rule for rule in json.loads(text)["rules"]}
    assert code == 0
    assert rules["APPLE-10.4"]["verdict"] == "fail"
    assert rules["APPLE-10.4"]["broken_at"] == 1
    assert rules["APPLE-10.4"]["where"] == "multivariant.txt?token=abc"


def test_nothing_outside_of_what_was_named_is_asked_for(package: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(package, site / "stream")
    (site / "secret.m4s").write_bytes(b"secret")
    playlist = site / "stream" / "240p.m3u8"
    for number, other in enumerate(("../secret.m4s", "/secret.m4s", "http://127.0.0.1:1/x.m4s"), start=1):
        playlist.write_text(playlist.read_text().replace(f"240p/0000{number}.m4s", other))
    with serving(site) as server:
        code, text = run(f"{server.url}/stream/multivariant.m3u8", "--json")
        asked = [path for path, _ in server.asked]
    rule = next(rule for rule in json.loads(text)["rules"] if rule["rule"] == "TC-INSIDE")
    assert code == 3
    assert rule["broken_at"] == 3
    assert all(path.startswith("/stream/") for path in asked)


def test_absolute_urls_below_the_root_are_inside(package: Path) -> None:
    playlist = package / "240p.m3u8"
    with serving(package.parent) as server:
        text = playlist.read_text().replace("240p/00001.m4s", f"{server.url}/stream/240p/00001.m4s?v=1#x")
        playlist.write_text(text.replace("240p/00002.m4s", "/stream/240p/00002.m4s"))
        code, _ = run(f"{server.url}/stream/multivariant.m3u8", "--only", "hls")
        assert code == 0
        playlist.write_text(playlist.read_text().replace("240p/00003.m4s", "../stream/240p/00003.m4s"))
        (package / "deep").mkdir()
        moved = (package / "multivariant.m3u8").read_text().replace('URI="', 'URI="../')
        lines = [line if line.startswith("#") or not line else f"../{line}" for line in moved.splitlines()]
        (package / "deep" / "multivariant.m3u8").write_text("\n".join(lines) + "\n")
        entry = f"{server.url}/stream/deep/multivariant.m3u8"
        assert run(entry)[0] == 3
        assert run(entry, "--root", f"{server.url}/stream")[0] == 0


def test_only_the_entry_may_redirect(good: Path) -> None:
    with serving(good) as server:
        server.redirects["/go"] = "/multivariant.m3u8"
        assert run(f"{server.url}/go")[0] == 0
        server.redirects["/240p.m3u8"] = "/360p.m3u8"
        code, text = run(f"{server.url}/multivariant.m3u8", "--json")
    files = next(rule for rule in json.loads(text)["rules"] if rule["rule"] == "TC-FILES")
    assert code == 3
    assert files["measured"] == "redirects to /360p.m3u8 (Apple 8.18)"


def test_a_server_that_is_not_there_or_says_no_ends_with_1(good: Path) -> None:
    with serving(good) as server:
        url = server.url
        code, text = run(f"{url}/other.m3u8")
        assert (code, "answers HTTP 404" in text) == (1, True)
    code, text = run(f"{url}/multivariant.m3u8")
    assert code == 1
    assert "can't be reached" in text


@pytest.mark.parametrize("limits", [WebLimits(requests=5), WebLimits(total_bytes=100_000), WebLimits(seconds=0)])
def test_limits_hold(good: Path, limits: WebLimits) -> None:
    with serving(good) as server, Web(f"{server.url}/", limits) as place, pytest.raises(TelecineError) as caught:
        verify(Session(place, threads=4), {"hls": "multivariant.m3u8"})
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED


def test_one_file_with_byte_ranges_is_not_downloaded_whole(clip: Path, tmp_path: Path) -> None:
    entry = STRANGERS["ffmpeg-hls-fmp4-one-file"](clip, tmp_path)
    with serving(tmp_path) as server, Web(f"{server.url}/") as place:
        report = verify(Session(place, threads=4), {"hls": entry}).report
        asked = [given for path, given in server.asked if not path.endswith(".m3u8")]
    assert report.good
    assert asked
    assert all(given and not given.endswith("-") for given in asked)


class Dripping(BaseHTTPRequestHandler):
    """Sends an answer line by line, and counts how far it came."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, DrippingServer)
        for part in server.parts:
            time.sleep(0.02)
            try:
                self.wfile.write(part)
            except OSError:
                return  # the other side hung up
            server.sent += 1

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


class DrippingServer(ThreadingHTTPServer):
    """What is sent, and how much of it was."""

    def __init__(self, parts: list[bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Dripping)
        self.parts, self.sent = parts, 0


def dripping(parts: list[bytes]) -> AbstractContextManager[DrippingServer]:
    return answering(DrippingServer(parts))


HEAD = b"HTTP/1.1 206 OK\r\nContent-Range: bytes 0-29999/30000\r\nContent-Length: 30000\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [[HEAD, *[b"#" * 100] * 300], [b"HTTP/1.1 206 OK\r\n", *[b"X: y\r\n"] * 300]],
    ids=["body", "head"],
)
def test_a_server_that_drips_is_left_when_the_time_is_over(parts: list[bytes]) -> None:
    with dripping(parts) as server:
        root = f"http://127.0.0.1:{server.server_port}/"
        with Web(root, WebLimits(seconds=0.3)) as place, pytest.raises(TelecineError) as caught:
            place.read("a.m3u8", 0, 30_000)
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED
    assert server.sent < len(parts) / 2, "far from the end"


def test_an_entry_whose_head_never_ends_cannot_be_reached() -> None:
    with dripping([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 300]) as server:
        with pytest.raises(TelecineError) as caught:
            final_url(f"http://127.0.0.1:{server.server_port}/a.mpd", timeout_s=0.05)
        assert caught.value.code is ErrorCode.PACKAGE_UNREADABLE
        assert server.sent < 150, "far from the end"


def test_few_lines_that_stand_for_millions_of_segments_are_refused(tmp_path: Path) -> None:
    rungs = "".join(f'<Representation id="{n}" bandwidth="1"/>' for n in range(1_000))
    template = '<SegmentTemplate media="$RepresentationID$-$Number$.m4s" duration="1"/>'
    adaptation = f'<AdaptationSet mimeType="video/mp4">{template}{rungs}</AdaptationSet>'
    (tmp_path / "a.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT99999S" profiles="x" '
        f'minBufferTime="PT1S"><Period duration="PT99999S">{adaptation}</Period></MPD>'
    )
    with pytest.raises(TelecineError) as caught:
        verify(Session(Directory(tmp_path), most=150_000), {"dash": "a.mpd"})
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED
    lines = "".join(f"#EXT-X-STREAM-INF:BANDWIDTH=1\n{n}.m3u8\n" for n in range(2_001))
    code, text = run(str(_written(tmp_path / "a.m3u8", f"#EXTM3U\n{lines}")), "--json")
    assert code == 3
    assert "2001 variants" in text


def rendition_of(lengths: list[float], sizes: list[int]) -> Rendition:
    pieces = tuple(Piece(Extent(str(number)), length) for number, length in enumerate(lengths))
    return Rendition("a", pieces, tuple(Measured(size, Container.MP4) for size in sizes))


def test_the_peak_is_that_of_the_heaviest_span_and_is_found_in_little_time() -> None:
    chance = random.Random(7)
    lengths = [chance.choice([0.5, 2.0, 4.0, 6.0]) for _ in range(200)]
    sizes = [chance.randrange(1, 10**6) for _ in lengths]
    rates = []
    for first in range(len(lengths)):
        for end in range(first + 1, len(lengths) + 1):
            length = sum(lengths[first:end])
            if 3.0 <= length <= 9.0:
                rates.append(sum(sizes[first:end]) * 8 / length)
    assert rendition_of(lengths, sizes).peak_bps(6.0) == pytest.approx(max(rates))
    many = rendition_of([0.4] * 100_000, [1_000] * 100_000)
    # Spans of half of everything: each of the first 50,000 segments would be added to 50,000 others.
    assert many.peak_bps(40_000.0) == pytest.approx(20_000.0)
