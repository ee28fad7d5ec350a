"""Kinds and formats by signature, and refusals that say what the file is."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from telecine.errors import ErrorCode, InputError
from telecine.sniff import HEAD_BYTES, sniff

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"


def box(kind: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    return box(b"ftyp", major + b"\0\0\0\0" + b"".join(compatible))


def moov(*handlers: bytes) -> bytes:
    tracks = b"".join(box(b"trak", box(b"mdia", box(b"hdlr", b"\0" * 8 + h + b"\0" * 13))) for h in handlers)
    return box(b"moov", box(b"mvhd", b"\0" * 100) + tracks)


def mp3_frames(count: int) -> bytes:
    return (b"\xff\xfb\x90\x00" + b"\0" * 413) * count  # MPEG-1 layer 3, 128 kbit/s, 44.1 kHz: 417 bytes


def adts_frames(count: int) -> bytes:
    return (b"\xff\xf1\x50\x80\x0c\x9f\xfc" + b"\x21" * 93) * count  # 100 bytes each


def ogg(codec: bytes) -> bytes:
    return b"OggS\0\x02" + b"\0" * 20 + b"\x01\x1e" + codec + b"\0" * 30


def ebml(doctype: bytes, *track_types: int) -> bytes:
    header = b"\x42\x82" + bytes([0x80 | len(doctype)]) + doctype
    entries = b"".join(b"\xae\x83\x83\x81" + bytes([t]) for t in track_types)
    tracks = b"\x16\x54\xae\x6b" + bytes([0x80 | len(entries)]) + entries
    segment = b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + tracks
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(header)]) + header + segment


def picture(format: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(buffer, format)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("head", "kind", "format"),
    [
        (picture("JPEG"), "image", "jpeg"),
        (picture("PNG"), "image", "png"),
        (picture("GIF"), "image", "gif"),
        (picture("WEBP"), "image", "webp"),
        (picture("BMP"), "image", "bmp"),
        (picture("TIFF"), "image", "tiff"),
        (picture("AVIF"), "image", "avif"),
        (ftyp(b"heic", b"mif1", b"heic"), "image", "heic"),
        (ftyp(b"mif1", b"mif1", b"heic"), "image", "heic"),
        (ftyp(b"mif1", b"mif1", b"avif"), "image", "avif"),
        (ftyp(b"isom", b"isom", b"mp41"), "video", "mp4"),
        (ftyp(b"qt  "), "video", "mov"),
        (ftyp(b"M4A ", b"M4A "), "audio", "m4a"),
        (ftyp(b"mp42") + moov(b"soun"), "audio", "m4a"),
        (ftyp(b"mp42") + moov(b"soun", b"vide"), "video", "mp4"),
        (ftyp(b"mp42") + moov(b"soun")[:-9], "video", "mp4"),
        (moov(b"vide"), "video", "mov"),
        (box(b"wide") + box(b"mdat", b"\0" * 50), "video", "mov"),
        (box(b"free", b"\0" * 8) + moov(b"vide"), "video", "mov"),
        (ebml(b"webm", 1, 2), "video", "webm"),
        (ebml(b"matroska", 1), "video", "mkv"),
        (ebml(b"matroska", 2), "audio", "mkv"),
        (b"RIFF\x10\0\0\0AVI LIST", "video", "avi"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio", "wav"),
        (b"FLV\x01\x05\0\0\0\x09", "video", "flv"),
        (b"\0\0\x01\xba\x44\0\x04\0", "video", "mpegps"),
        ((b"G" + b"\x01" * 187) * 8, "video", "mpegts"),
        ((b"\0\0\0\0G" + b"\x01" * 187) * 8, "video", "mpegts"),
        (b"\x01" * 100 + (b"G" + b"\x01" * 187) * 12, "video", "mpegts"),
        (ogg(b"vorbis"), "audio", "ogg"),
        (ogg(b"OpusHead"), "audio", "ogg"),
        (b"OggS\0\x02" + b"\0" * 20 + b"\x01\x2a\x80theora", "video", "ogg"),
        (b"fLaC\0\0\0\x22", "audio", "flac"),
        (b"FORM\0\0\0\x40AIFFCOMM", "audio", "aiff"),
        (mp3_frames(5), "audio", "mp3"),
        (b"\0" * 1000 + mp3_frames(5), "audio", "mp3"),
        (mp3_frames(2), "audio", "mp3"),
        (b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + mp3_frames(1), "audio", "mp3"),
        (b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + b"fLaC", "audio", "flac"),
        (b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + adts_frames(5), "audio", "aac"),
        (adts_frames(5), "audio", "aac"),
    ],
)
def test_signatures_name_kind_and_format(head: bytes, kind: str, format: str) -> None:
    found = sniff(head)
    assert (found.kind, found.format) == (kind, format)
    assert found.mime.split("/")[0] == kind


def zip_file() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.jpg", "not a picture")
    return buffer.getvalue()


def dng() -> bytes:
    entries = struct.pack("<HHII", 254, 4, 1, 1) + struct.pack("<HHII", 50706, 1, 4, 0x0401)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + b"\0\0\0\0"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"%PDF-1.7\n", "PDF"),
        (zip_file(), "ZIP"),
        (b"<!DOCTYPE html><html><title>404</title>", "web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<svg/>", "SVG"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "playlist"),
        (b"\xef\xbb\xbf#EXTM3U\n", "playlist"),
        (b'{"a": 1}', "JSON"),
        ("Grüße".encode(), "text"),
        ("Grüße".encode("utf-16"), "text"),
        (b"\n", "blanks"),
        (b"\0" * 5000, "zero bytes"),
        (b"8BPS\0\x01", "Photoshop"),
        (dng(), "DNG"),
        (b"II*\0\x10\0\0\0CR\x02\0", "CR2"),
        (ftyp(b"crx "), "CR3"),
        (box(b"styp", b"msdh\0\0\0\0"), "segment"),
        (b"BM and so on, a text", "text"),
        (b"\x93\x01\xfe\x80", "93 01 fe 80"),
    ],
)
def test_refusals_say_what_the_file_looks_like(head: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        sniff(head)
    assert refused.value.code is ErrorCode.UNSUPPORTED_MEDIA


def test_an_empty_file_is_called_empty() -> None:
    with pytest.raises(InputError) as refused:
        sniff(b"")
    assert refused.value.code is ErrorCode.EMPTY_FILE


@given(st.binary(max_size=2000))
def test_no_bytes_make_the_sniffer_fail_in_another_way(head: bytes) -> None:
    with suppress(InputError):
        sniff(head)


SIGNED = [
    b"\x1a\x45\xdf\xa3",
    b"RIFF",
    b"II*\0",
    b"\0\0\0\x20ftypmp42",
    b"\0\0\0\x08moov",
    b"ID3",
    b"OggS",
    b"\xff\xf1",
    b"G",
]


@given(st.sampled_from(SIGNED), st.binary(max_size=500))
def test_no_damage_behind_a_signature_makes_it_fail_either(signature: bytes, rest: bytes) -> None:
    with suppress(InputError):
        sniff(signature + rest)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus isn't on this machine")
@pytest.mark.parametrize("kind", ["image", "video", "audio"])
def test_every_file_of_the_corpus_has_the_kind_of_its_folder(kind: str) -> None:
    for path in sorted((CORPUS / kind).iterdir()):
        if path.name == "image_invalid.jpg":  # one newline
            continue
        with path.open("rb") as f:
            assert sniff(f.read(HEAD_BYTES)).kind == kind, path.name
