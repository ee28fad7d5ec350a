"""HLS with whole segments encrypted: an encrypted copy of a clear package, with its own playlists.

Every segment of picture and sound is AES-128-CBC with PKCS#7 padding, its IV the segment's sequence number (RFC 8216
sections 4.3.2.4 and 5.2), whatever the container: CMAF segments are encrypted whole. EXT-X-MAP stands before the first
EXT-X-KEY, so that the initialisation section is clear: one that is encrypted would need an IV of its own, and it holds
nothing to hide. Captions stay clear, since not every player decrypts them. I-frame playlists are left out: a byte range
of an encrypted segment can't be decrypted alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import m3u8
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from telecine.errors import ErrorCode, SystemFault
from telecine.recipe.protection import Aes128
from telecine.stream import hls
from telecine.stream.keys import ContentKey, KeyRing
from telecine.stream.package import MULTIVARIANT

_RATE = re.compile(r"(?<=[:,])((?:AVERAGE-)?BANDWIDTH)=(\d+)")
_PADDING_BITS = 128  # what padding adds to a segment at most


def encrypt_package(clear: Path, target: Path, ring: KeyRing, spec: Aes128) -> dict[str, bytes]:
    """Make the encrypted copy of a clear HLS package, and check it against that.

    Args:
        clear: directory of a finished HLS package.
        target: directory that is made.

    Returns:
        The keys by the URIs at which players get them, for whoever looks into the copy; nothing that may be kept.

    Raises:
        SystemFault: VERIFY_FAILED when the copy doesn't decrypt to the clear package.
    """
    target.mkdir(parents=True)
    entry = (clear / MULTIVARIANT).read_text()
    parsed = hls.parse_multivariant(entry)
    played = [uri for _, uri in parsed.variants] + [m["URI"] for m in parsed.media if m["TYPE"] == "AUDIO"]
    captions = [m["URI"] for m in parsed.media if m["TYPE"] == "SUBTITLES"]
    keys = _Keys(ring, spec.rotate_every)
    for uri in dict.fromkeys(played):
        _encrypt_playlist(clear, target, uri, keys, spec, ring)
    for uri in captions:
        _copy_playlist(clear, target, uri)
    shortest = 0.5 * min(hls.parse_media((clear / uri).read_text()).target_duration_s for uri in played)
    (target / MULTIVARIANT).write_text(_entry(entry, round(2 * _PADDING_BITS / shortest) + 1))
    by_address = {ring.address(spec.key_uri, key): key for key in ring.keys}
    _check(clear, target, dict.fromkeys(played), by_address)
    return {address: key.value for address, key in by_address.items()}


class _Keys:
    """Which key a segment gets: the same for its neighbours, on every rung and every sound."""

    def __init__(self, ring: KeyRing, rotate_every: int | None) -> None:
        self._ring, self._every = ring, rotate_every
        self._cut: list[ContentKey] = []

    def of(self, number: int) -> ContentKey:
        period = number // self._every if self._every else 0
        while len(self._cut) <= period:
            self._cut.append(self._ring.cut())
        return self._cut[period]


def encrypted(data: bytes, key: ContentKey, sequence: int) -> bytes:
    """A segment's bytes, encrypted."""
    padder = PKCS7(AES.block_size).padder()
    encryptor = _cipher(key, sequence).encryptor()
    return encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


def decrypted(data: bytes, key: ContentKey, sequence: int) -> bytes:
    """What `encrypted` was given.

    Raises:
        ValueError: another key or sequence number, or damaged data.
    """
    decryptor, unpadder = _cipher(key, sequence).decryptor(), PKCS7(AES.block_size).unpadder()
    return unpadder.update(decryptor.update(data) + decryptor.finalize()) + unpadder.finalize()


def _cipher(key: ContentKey, sequence: int) -> Cipher[CBC]:
    return Cipher(AES(key.value), CBC(sequence.to_bytes(16, "big")))


def _encrypt_playlist(clear: Path, target: Path, uri: str, keys: _Keys, spec: Aes128, ring: KeyRing) -> None:
    """One media playlist with its segments."""
    text = (clear / uri).read_text()
    playlist = m3u8.loads(text)
    first = int(playlist.media_sequence or 0)
    for section in dict.fromkeys(str(found.uri) for found in playlist.segment_map):
        _copy(clear, target, section)
    for number, segment in enumerate(playlist.segments):
        path = target / segment.uri
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encrypted((clear / segment.uri).read_bytes(), keys.of(number), first + number))
    (target / uri).write_text(_with_keys(text, keys, spec, ring))


def _with_keys(text: str, keys: _Keys, spec: Aes128, ring: KeyRing) -> str:
    """A media playlist with EXT-X-KEY before each segment that has another key than the one before it."""
    lines: list[str] = []
    number, current = 0, None
    for line in text.splitlines():
        if line.startswith("#EXTINF:"):
            if (key := keys.of(number)) is not current:
                lines.append(f'#EXT-X-KEY:METHOD=AES-128,URI="{ring.address(spec.key_uri, key)}"')
                current = key
            number += 1
        lines.append(line)
    return "\n".join(lines) + "\n"


def _copy_playlist(clear: Path, target: Path, uri: str) -> None:
    for segment in hls.parse_media((clear / uri).read_text()).segments:
        _copy(clear, target, segment.uri)
    _copy(clear, target, uri)


def _copy(clear: Path, target: Path, name: str) -> None:
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(clear / name, target / name)


def _entry(text: str, more_bps: int) -> str:
    """The multivariant playlist without I-frame playlists, its rates raised by what padding may add."""
    lines = [line for line in text.splitlines() if not line.startswith("#EXT-X-I-FRAME-STREAM-INF:")]
    raised = [_RATE.sub(lambda found: f"{found[1]}={int(found[2]) + more_bps}", line) for line in lines]
    return "\n".join(raised) + "\n"


def _check(clear: Path, target: Path, playlists: Mapping[str, None], by_address: Mapping[str, ContentKey]) -> None:
    """Read the copy as a player does, and compare with the clear package."""
    for uri in playlists:
        playlist = m3u8.load(str(target / uri))
        first = int(playlist.media_sequence or 0)
        for number, segment in enumerate(playlist.segments, first):
            try:
                found = decrypted((target / segment.uri).read_bytes(), by_address[segment.key.uri], number)
            except (ValueError, KeyError, AttributeError) as e:
                raise SystemFault(ErrorCode.VERIFY_FAILED, f"{segment.uri} can't be decrypted again: {e!r}") from None
            if found != (clear / segment.uri).read_bytes():
                raise SystemFault(ErrorCode.VERIFY_FAILED, f"{segment.uri} decrypts to something else")
