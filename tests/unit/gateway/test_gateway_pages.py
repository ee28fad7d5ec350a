"""The gateway's pages over a shelf of manifests: what is shown, what is refused, and what browsers are told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from telecine.errors import ErrorCode, TransientError
from telecine.gateway.app import create_app
from telecine.gateway.shelf import Published
from telecine.manifest import Manifest, SourceRef, build_manifest, parse_manifest

OUTPUTS = "http://127.0.0.1:8333/media-outputs"
AT = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
CLIP = "holiday.clip.mp4-2f91b80c"
NASTY = "nasty-00000001"


def output(asset: str, name: str, url: str, mime: str, **more: Any) -> Mapping[str, Any]:
    empty = dict.fromkeys(("width", "height", "duration_s", "bitrate_bps", "codecs", "total_bytes", "files"))
    fixed = {"asset": asset, "name": name, "url": url, "key": f"k/{url}", "mime": mime, "size_bytes": 1}
    return {**empty, **fixed, "sha256": "0" * 64, **more}


def manifest(partition: str, key: str, kind: Any = "video", outputs: Sequence[Mapping[str, Any]] = ()) -> Manifest:
    facts = {"format": "mp4", "width": 1280, "height": 720, "duration_s": 3725.4}
    source = SourceRef("media-incoming", key, "e", 1, kind, facts)
    return parse_manifest(json.dumps(build_manifest(partition, 3, AT, "default", "h", source, outputs)).encode())


@dataclass
class Folder:
    """A shelf of what it is given."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    away: bool = False

    def manifest(self, partition: str) -> Manifest | None:
        if self.away:
            raise TransientError(ErrorCode.STORE_UNAVAILABLE, "the object store did not answer")
        return self.manifests.get(partition)

    def recent(self, limit: int) -> Sequence[Published]:
        return [Published(found, AT) for found in self.manifests.values()][:limit]


@pytest.fixture
def shelf() -> Folder:
    streams = [
        output("video/renditions", "240p", "g3/renditions/240p.mp4", "video/mp4", bitrate_bps=300_000),
        output("video/renditions", "720p", "g3/renditions/720p.mp4", "video/mp4", bitrate_bps=900_000),
        output("video/hls", "hls", "g2/stream/a%20b.m3u8", "application/vnd.apple.mpegurl", files="g2/f.json"),
        output("video/dash", "dash", "g3/stream/manifest.mpd", "application/dash+xml", files="g3/f.json"),
        output("video/thumbnails", "poster", "g3/thumbnails/poster.jpg", "image/jpeg", width=640),
        output("video/thumbnails", "storyboard", "g3/thumbnails/storyboard.vtt", "text/vtt"),
    ]
    clip = manifest(CLIP, "holiday/clip.mp4", outputs=streams)
    return Folder({CLIP: clip, NASTY: manifest(NASTY, "a/</script><img src=x onerror=alert(1)>&'\".mp4")})


@pytest.fixture
def client(shelf: Folder) -> TestClient:
    app = create_app(shelf, outputs_url=OUTPUTS, gateway_url="http://127.0.0.1:8080")
    return TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False, follow_redirects=False)


def data_of(page: str) -> dict[str, Any]:
    """What the page hands to its script."""
    found = re.search(r'<script type="application/json" id="media">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(found.group(1)))


def test_the_watch_page_knows_streams_files_poster_and_storyboard(client: TestClient) -> None:
    answer = client.get(f"/watch/{CLIP}")
    assert answer.status_code == 200
    media = data_of(answer.text)["media"]
    base = f"{OUTPUTS}/{CLIP}"
    assert [(s["protocol"], s["url"]) for s in media["sources"]] == [
        ("hls", f"{base}/g2/stream/a%20b.m3u8"),
        ("dash", f"{base}/g3/stream/manifest.mpd"),
        ("file", f"{base}/g3/renditions/720p.mp4"),
        ("file", f"{base}/g3/renditions/240p.mp4"),
    ]
    assert media["poster"] == f"{base}/g3/thumbnails/poster.jpg"
    assert media["storyboard"] == f"{base}/g3/thumbnails/storyboard.vtt"
    assert media["title"] == "clip.mp4"
    assert media["generation"] == 3


def test_a_name_of_a_file_is_text_wherever_it_stands(client: TestClient) -> None:
    for path in ("/watch", f"/watch/{NASTY}"):
        page = client.get(path).text
        assert "<img src=x" not in page
        assert "onerror=alert(1)>" in unescape(page)
    assert (
        data_of(client.get(f"/watch/{NASTY}").text)["media"]["title"] == "script><img src=x onerror=alert(1)>&'\".mp4"
    )


def test_the_list_leads_to_each_page(client: TestClient) -> None:
    page = client.get("/watch").text
    assert f'href="/watch/{CLIP}"' in page
    assert "1:02:05" in page
    assert "2026-05-01 12:30:00 UTC" in page
    assert client.get("/").headers["location"] == "/watch"


@pytest.mark.parametrize(
    "path",
    [
        "/watch/unknown-00000000",
        "/watch/..%2f..%2fetc",
        "/watch/%2e%2e-00000000",
        "/watch/" + "a" * 200 + "-00000000",
        "/watch/UPPER-00000000",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/players/..%2fplayers.py",
        "/players/hls.js-1.0.0.js",
        "/nowhere",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert 'href="/watch"' in answer.text
    assert client.get(path).json()["status"] == 404


def test_only_reading_is_allowed(client: TestClient) -> None:
    for path in ("/watch", f"/watch/{CLIP}", "/healthz", "/static/watch.js"):
        assert client.head(path).status_code == 200
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert client.request(method, path).status_code == 405


def test_every_answer_has_a_strict_policy(client: TestClient) -> None:
    for path in ("/watch", f"/watch/{CLIP}", "/static/watch.js", "/nowhere", "/healthz"):
        headers = client.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["script-src"] == "'self'"
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert "http://127.0.0.1:8333" in policy["connect-src"].split()
        assert {"blob:", "data:"} <= set(policy["media-src"].split()), "Media Source Extensions, hls.js's text tracks"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_pages_hold_no_script_or_style_that_the_policy_would_refuse(client: TestClient) -> None:
    for path in ("/watch", f"/watch/{CLIP}", "/nowhere"):
        page = client.get(path, headers={"Accept": "text/html"}).text
        assert re.findall(r"<script(?![^>]*(src=|application/json))", page) == []
        assert re.findall(r"<style|<[^>]*\s(?:style|on[a-z]+)=", page) == []
        assert re.findall(r'(?:src|href)="(?!/|http://127.0.0.1:8333/)[^"]*"', page) == []


def test_a_name_that_points_here_from_elsewhere_is_refused(client: TestClient) -> None:
    assert client.get("/watch", headers={"Host": "evil.example:8080"}).status_code == 400
    assert client.get("/watch", headers={"Host": "localhost:8080"}).status_code == 200


def test_players_are_sent_gzipped_and_may_be_kept(client: TestClient) -> None:
    for path in data_of(client.get(f"/watch/{CLIP}").text)["libraries"].values():
        answer = client.get(path)
        assert answer.headers["content-encoding"] == "gzip"
        assert "immutable" in answer.headers["cache-control"]
        plain = client.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content
    assert client.get("/static/watch.js").headers["cache-control"] == "no-cache"
    assert client.get(f"/watch/{CLIP}").headers["cache-control"] == "no-store"


def test_a_store_that_is_away_is_an_answer_in_words(client: TestClient, shelf: Folder) -> None:
    shelf.away = True
    answer = client.get(f"/watch/{CLIP}", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "did not answer" in answer.text
    assert client.get("/healthz").status_code == 200
