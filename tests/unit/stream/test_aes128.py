"""Encrypted copies of HLS packages, decrypted here by the letter of RFC 8216 and not by our own code."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from telecine.errors import ErrorCode, SystemFault
from telecine.recipe.protection import Aes128
from telecine.stream import aes128
from telecine.stream.aes128 import encrypt_package
from telecine.stream.keys import ContentKey, KeyRing, generation_of

MULTIVARIANT = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-MEDIA:URI="audio.m3u8",TYPE=AUDIO,GROUP-ID="a",NAME="English",DEFAULT=YES
#EXT-X-MEDIA:URI="captions-en.m3u8",TYPE=SUBTITLES,GROUP-ID="c",NAME="English"
#EXT-X-STREAM-INF:BANDWIDTH=100000,AVERAGE-BANDWIDTH=90000,RESOLUTION=426x240,AUDIO="a",SUBTITLES="c",SCORE=1.0
240p.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1000,URI="240p-iframes.m3u8"
"""
HEAD = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n"
COUNT, FIRST = 5, 7  # segments, and a media sequence number that isn't 0


@pytest.fixture
def clear(tmp_path: Path) -> Path:
    """A package of one rung, one sound and captions."""
    folder = tmp_path / "clear"
    for name, suffix, first in (("240p", "m4s", FIRST), ("audio", "m4s", 0), ("captions-en", "vtt", 0)):
        (folder / name).mkdir(parents=True)
        lines = [f"#EXT-X-MEDIA-SEQUENCE:{first}"] if first else []
        if suffix == "m4s":
            (folder / name / "init.mp4").write_bytes(b"init " + name.encode())
            lines.append(f'#EXT-X-MAP:URI="{name}/init.mp4"')
        for number in range(1, COUNT + 1):
            (folder / name / f"{number:05}.{suffix}").write_bytes(secrets.token_bytes(1_000 + number))
            lines += ["#EXTINF:2.000,", f"{name}/{number:05}.{suffix}"]
        (folder / f"{name}.m3u8").write_text(HEAD + "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n")
    (folder / "multivariant.m3u8").write_text(MULTIVARIANT)
    return folder


def ring() -> KeyRing:
    return KeyRing("clip-00000000", 3, "https://gateway.example")


def by_the_standard(playlist: str, folder: Path, keys: dict[str, bytes]) -> list[bytes]:
    """Every segment decrypted as RFC 8216 says: AES-128-CBC, the media sequence number as IV, PKCS#7 padding."""
    found = re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", playlist)
    sequence, key, decrypted = int(found[1]) if found else 0, b"", []
    for line in playlist.splitlines():
        if line.startswith("#EXT-X-KEY:"):
            assert "METHOD=AES-128" in line
            assert "IV=" not in line
            key = keys[re.findall(r'URI="([^"]+)"', line)[0]]
        elif line.endswith(".m4s"):
            decryptor = Cipher(AES(key), CBC(sequence.to_bytes(16, "big"))).decryptor()
            plain = decryptor.update((folder / line).read_bytes()) + decryptor.finalize()
            decrypted.append(plain[: -plain[-1]])
            sequence += 1
    return decrypted


@pytest.mark.parametrize(("rotate_every", "keys"), [(None, 1), (1, 5), (2, 3), (5, 1), (10_000, 1)])
def test_every_segment_decrypts_to_the_clear_one(
    clear: Path, tmp_path: Path, rotate_every: int | None, keys: int
) -> None:
    made, target = ring(), tmp_path / "stream-aes128"
    encrypt_package(clear, target, made, Aes128(scheme="aes128", rotate_every=rotate_every))
    assert len(made.keys) == keys
    values = {f"https://gateway.example/keys/clip-00000000/{key.id.hex()}": key.value for key in made.keys}
    for name in ("240p", "audio"):
        text = (target / f"{name}.m3u8").read_text()
        assert text.count("#EXT-X-KEY:") == keys
        assert text.index("#EXT-X-MAP:") < text.index("#EXT-X-KEY:"), "the initialisation section is clear"
        clear_segments = [(clear / name / f"{number:05}.m4s").read_bytes() for number in range(1, COUNT + 1)]
        assert by_the_standard(text, target, values) == clear_segments
        assert (target / name / "init.mp4").read_bytes() == (clear / name / "init.mp4").read_bytes()


def test_the_copy_has_every_file_and_holds_no_key(clear: Path, tmp_path: Path) -> None:
    made, target = ring(), tmp_path / "stream-aes128"
    keys = encrypt_package(clear, target, made, Aes128(scheme="aes128", rotate_every=2))
    assert keys == {f"https://gateway.example/keys/clip-00000000/{key.id.hex()}": key.value for key in made.keys}
    files = [path for path in target.rglob("*") if path.is_file()]
    assert len(files) == len([path for path in clear.rglob("*") if path.is_file()])
    entry = (target / "multivariant.m3u8").read_text()
    assert "I-FRAME" not in entry
    assert re.findall(r"BANDWIDTH=(\d+)", entry) == ["100257", "90257"], "padding counts"
    assert (target / "captions-en" / "00001.vtt").read_bytes() == (clear / "captions-en" / "00001.vtt").read_bytes()
    everything = b"".join(path.read_bytes() for path in files)
    for key in made.keys:
        assert key.value not in everything
        assert key.value.hex().encode() not in everything
        assert key.value.hex() not in repr(made)


def test_a_copy_that_does_not_decrypt_is_not_let_through(
    clear: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = aes128.encrypted
    monkeypatch.setattr(aes128, "encrypted", lambda data, key, sequence: right(data, key, sequence + 1))
    with pytest.raises(SystemFault) as refused:
        encrypt_package(clear, tmp_path / "stream-aes128", ring(), Aes128(scheme="aes128"))
    assert refused.value.code is ErrorCode.VERIFY_FAILED


def test_a_key_is_named_after_its_generation_and_never_twice() -> None:
    made = ring()
    keys = [made.cut() for _ in range(100)]
    assert {generation_of(key.id) for key in keys} == {3}
    assert len({key.id for key in keys}) == len({key.value for key in keys}) == 100
    assert all(len(key.id) == len(key.value) == 16 for key in keys)
    assert keys[0].value.hex() not in repr(ContentKey(keys[0].id, keys[0].value))
