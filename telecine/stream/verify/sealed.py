"""Segments that are encrypted whole (AES-128): opening them with their key, and telling those that aren't encrypted.

Source: RFC 8216 sections 4.3.2.4 and 5.2: AES-128-CBC with PKCS#7 padding; the IV is the media sequence number unless
the tag has one. Shares nothing with telecine/stream/aes128.py, which makes them.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from telecine.stream.verify.bmff import looks_like_boxes
from telecine.stream.verify.measured import Piece
from telecine.stream.verify.window import Broken, Window

_BLOCK = 16
_PACKET = 188


def check_sealed(window: Window) -> None:
    """What can be said without the key.

    Raises:
        Broken: it isn't encrypted at all, or no whole number of blocks.
    """
    head = window.at(0, 2 * _PACKET + 1)
    if looks_like_boxes(head) or head[::_PACKET] == b"GGG" or head.startswith((b"WEBVTT", b"ID3")):
        raise Broken("isn't encrypted")
    if not window.size or window.size % _BLOCK:
        raise Broken(f"{window.size} bytes aren't whole blocks of {_BLOCK}")


def opened(window: Window, piece: Piece, key: bytes) -> Window:
    """A segment's clear bytes.

    Args:
        piece: how it is listed; it has a seal.

    Raises:
        Broken: they aren't encrypted with this key and IV.
    """
    check_sealed(window)
    seal = piece.seal
    assert seal is not None
    iv = seal.iv if seal.iv is not None else (piece.sequence % (1 << 128)).to_bytes(_BLOCK, "big")
    decryptor, unpadder = Cipher(AES(key), CBC(iv)).decryptor(), PKCS7(8 * _BLOCK).unpadder()
    try:
        padded = decryptor.update(window.whole()) + decryptor.finalize()
        return Window.of(unpadder.update(padded) + unpadder.finalize())
    except ValueError as e:
        raise Broken("can't be decrypted with the key and IV that its EXT-X-KEY names") from e
