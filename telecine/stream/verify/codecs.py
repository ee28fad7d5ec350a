"""Codec strings of what a bitstream really is, and whether a declared one says the same.

Source: RFC 6381 (sections 3.3, 3.4), ISO/IEC 14496-15 annex E (avc1, hvc1), the VP9 and AV1 bindings for ISOBMFF,
ISO/IEC 14496-1 (esds). Doesn't belong here: finding sample entries in a file (bmff.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from telecine.stream.verify.nal import AvcPicture, read_sps
from telecine.stream.verify.sound_config import UNKNOWN, SoundShape, sound_shape
from telecine.stream.verify.window import Broken

_PICTURE_AT, _SOUND_AT = 78, 28  # where a sample entry's boxes begin (14496-12 sections 12.1.3, 12.2.3)
_PLAIN = {b"Opus": "opus", b"fLaC": "fLaC", b"ac-3": "ac-3", b"ec-3": "ec-3", b"alac": "alac", b"wvtt": "wvtt"}
_RANGES = {16: "PQ", 18: "HLG"}  # transfer characteristics (ISO/IEC 23091-2)
_MP3 = {"mp4a.40.34", "mp4a.69", "mp4a.6b", "mp3"}
_AAC_LC, _AAC_SBR, _AAC_PS = "mp4a.40.2", "mp4a.40.5", "mp4a.40.29"


@dataclass(frozen=True, slots=True)
class Entry:
    """A sample entry.

    Attributes:
        format: its four letters, of encrypted ones the original's.
        codec: RFC 6381 string; the four letters where more can't be told.
        width, height: pixels as stored, 0 for sound.
        display: pixels as shown, with the pixel aspect ratio.
        range: "SDR", "PQ" or "HLG"; None where nothing says.
        scheme: of encryption ("cbcs"), None for clear samples.
        kid: id of the key that samples have by default (tenc), hexadecimal; None for clear samples.
        shape: of sound, its channels and rates.
        nal_bytes: size of a NAL unit's length; None for other codecs.
    """

    format: str
    codec: str
    width: int = 0
    height: int = 0
    display: tuple[int, int] = (0, 0)
    range: str | None = None
    scheme: str | None = None
    kid: str | None = None
    nal_bytes: int | None = None
    shape: SoundShape = UNKNOWN


def sample_entry(data: bytes, kind: bytes, start: int, end: int, handler: bytes) -> Entry:
    """A sample entry's codec, size and colour.

    Args:
        kind, start, end: the entry's box.
        handler: of its track, which says how the entry is laid out.
    """
    picture, sound = handler == b"vide", handler == b"soun"
    inside = start + (_PICTURE_AT if picture else _sound_at(data, start) if sound else 8)
    boxes = dict(_boxes(data, inside, end)) if picture or sound or kind.startswith(b"enc") else {}
    scheme = kid = None
    if kind in (b"encv", b"enca", b"enct", b"encs") and b"sinf" in boxes:
        protection = dict(_boxes(boxes[b"sinf"], 0, len(boxes[b"sinf"])))
        scheme = protection.get(b"schm", b"\0\0\0\0cenc")[4:8].decode("ascii", "replace")
        kid = _key_id(protection.get(b"schi", b""))
        kind = protection.get(b"frma", kind)[:4]
    name = kind.decode("ascii", "replace")
    if not picture:
        kinds = _descriptors_of(boxes) if sound else {}
        shape = sound_shape(kind, boxes, kinds) if sound else UNKNOWN
        return Entry(name, _sound_codec(kind, kinds), scheme=scheme, kid=kid, shape=shape)
    width, height = (int.from_bytes(data[start + at : start + at + 2], "big") for at in (24, 26))
    seen = _avc_picture(boxes.get(b"avcC", b""))
    colour = _RANGES.get(_transfer(boxes.get(b"colr", b"")) or (seen.transfer if seen else None) or 0, "SDR")
    known = b"colr" in boxes or seen is not None
    return Entry(
        format=name,
        codec=_picture_codec(kind, boxes),
        width=width,
        height=height,
        display=_display(width, height, boxes.get(b"pasp", b"")),
        range=colour if known else None,
        scheme=scheme,
        kid=kid,
        nal_bytes=_nal_bytes(boxes),
    )


def same_codec(declared: str, real: str) -> bool:
    """Whether a declared codec string says what the bitstream is; optional fields may be left out."""
    said, is_ = declared.strip().lower().split("."), real.lower().split(".")
    if declared.strip().lower() in _MP3:
        return real in _MP3
    if said[0] != is_[0]:
        return False
    if declared.strip() in (_AAC_SBR, _AAC_PS) and real == _AAC_LC:
        return True  # implicit SBR and PS: the header says plain AAC (ISO/IEC 14496-3 section 1.6.5)
    if said[0] == "stpp":
        return True  # the profile is in the document
    if said[0] in ("hvc1", "hev1"):
        return _hevc_words(said) == _hevc_words(is_)
    if said[0] in ("vp08", "vp09", "av01"):
        return said[1:4] == is_[1:4]
    return said == is_


def avc_codec(sps: bytes, format_: str = "avc1") -> str:
    """Codec string of H.264 from its sequence parameter set, the NAL header included."""
    return f"{format_}.{sps[1:4].hex()}"


def aac_codec(object_type: int) -> str:
    """Codec string of AAC by its audio object type."""
    return f"mp4a.40.{object_type}"


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    at = start
    while at + 8 <= end:
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > end:
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def _key_id(schi: bytes) -> str | None:
    """The default key id (ISO/IEC 23001-7 section 8.2)."""
    tenc = dict(_boxes(schi, 0, len(schi))).get(b"tenc", b"")
    return tenc[8:24].hex() if len(tenc) >= 24 else None


def _sound_at(data: bytes, start: int) -> int:
    """Where a sound entry's boxes begin: QuickTime's versions 1 and 2 have more fields."""
    version = int.from_bytes(data[start + 8 : start + 10], "big")
    return _SOUND_AT + {1: 16, 2: 36}.get(version, 0)


def _picture_codec(kind: bytes, boxes: dict[bytes, bytes]) -> str:
    name = kind.decode("ascii", "replace")
    if (avc := boxes.get(b"avcC")) and len(avc) >= 4:
        return f"{name}.{avc[1:4].hex()}"
    if (hevc := boxes.get(b"hvcC")) and len(hevc) >= 13:
        return f"{name}.{_hevc(hevc)}"
    if (vp := boxes.get(b"vpcC")) and len(vp) >= 7:
        return f"{name}.{vp[4]:02d}.{vp[5]:02d}.{vp[6] >> 4:02d}"
    if (av1 := boxes.get(b"av1C")) and len(av1) >= 3:
        high, twelve = av1[2] >> 6 & 1, av1[2] >> 5 & 1
        depth = 12 if high and twelve else 10 if high else 8
        return f"{name}.{av1[1] >> 5}.{av1[1] & 31:02d}{'H' if av1[2] >> 7 else 'M'}.{depth:02d}"
    return name


def _hevc(record: bytes) -> str:
    """The fields after the four letters (ISO/IEC 14496-15 annex E.3)."""
    space, tier, profile = record[1] >> 6, record[1] >> 5 & 1, record[1] & 31
    compatible = int(f"{int.from_bytes(record[2:6], 'big'):032b}"[::-1], 2)
    words = [f"{' ABC'[space].strip()}{profile}", f"{compatible:X}", f"{'H' if tier else 'L'}{record[12]}"]
    words += [f"{byte:X}" for byte in record[6:12].rstrip(b"\0")]
    return ".".join(words)


def _hevc_words(words: list[str]) -> list[str]:
    """Without constraint bytes of zero, which may be written or not."""
    while len(words) > 4 and not words[-1].strip("0"):
        words = words[:-1]
    return words


def _sound_codec(kind: bytes, kinds: dict[int, bytes]) -> str:
    if kind in _PLAIN:
        return _PLAIN[kind]
    name = kind.decode("ascii", "replace")
    config = kinds.get(4, b"")
    if name != "mp4a" or not config:
        return name
    if config[0] != 0x40:
        return f"mp4a.{config[0]:02x}"
    special = kinds.get(5, b"")
    if len(special) < 2:
        return "mp4a.40"
    kind_ = special[0] >> 3
    if kind_ == 31:
        kind_ = 32 + ((special[0] & 7) << 3 | special[1] >> 5)
    return aac_codec(kind_)


def _descriptors_of(boxes: dict[bytes, bytes]) -> dict[int, bytes]:
    """Of a sound's esds box, which QuickTime puts into another one."""
    record = boxes.get(b"esds") or dict(_boxes(wave := boxes.get(b"wave", b""), 0, len(wave))).get(b"esds")
    return _descriptors(record[4:]) if record is not None else {}


def _descriptors(data: bytes) -> dict[int, bytes]:
    """MPEG-4 descriptors by tag, the nested ones too (ISO/IEC 14496-1 section 7.2.6)."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 2 <= len(data):
        tag, size = data[at], 0
        at += 1
        for _ in range(4):
            if at >= len(data):
                return found
            size, more = size << 7 | data[at] & 0x7F, data[at] & 0x80
            at += 1
            if not more:
                break
        body = data[at : at + size]
        found.setdefault(tag, body)
        # ES_Descriptor and DecoderConfigDescriptor hold others after their own fields.
        at += 3 if tag == 3 else 13 if tag == 4 else size
    return found


def _transfer(colr: bytes) -> int | None:
    return int.from_bytes(colr[6:8], "big") if colr[:4] in (b"nclx", b"nclc") and len(colr) >= 10 else None


def _display(width: int, height: int, pasp: bytes) -> tuple[int, int]:
    across, down = (int.from_bytes(pasp[at : at + 4], "big") for at in (0, 4))
    return (round(width * across / down), height) if across and down else (width, height)


def _nal_bytes(boxes: dict[bytes, bytes]) -> int | None:
    if (avc := boxes.get(b"avcC")) and len(avc) > 4:
        return (avc[4] & 3) + 1
    if (hevc := boxes.get(b"hvcC")) and len(hevc) > 21:
        return (hevc[21] & 3) + 1
    return None


def _avc_picture(record: bytes) -> AvcPicture | None:
    if len(record) < 8 or not record[5] & 31:
        return None
    size = int.from_bytes(record[6:8], "big")
    try:
        return read_sps(record[8 : 8 + size])
    except Broken:
        return None
