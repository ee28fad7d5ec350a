"""Colour profiles for pictures that name their colour space instead of embedding a profile.

AVIF and HEIC say it with code points (ISO 23091-2), cameras set to Adobe RGB with an EXIF convention (DCF 2.0:
ColorSpace "uncalibrated" and interoperability index R03). Belongs here: from primaries to an ICC profile (ICC.1:2022,
matrix/TRC).
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

from PIL import ExifTags, Image

from telecine.image.faults import DECODER_FAULTS

Matrix = tuple[tuple[float, ...], ...]
_D65 = (0.3127, 0.3290)
_D50_XYZ = (0.9642, 1.0, 0.8249)  # the profile connection space's white
_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_SPACES = {
    "Display P3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "BT.2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "Adobe RGB (1998)": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)),
}
_ADOBE_GAMMA = 563 / 256
_BY_CODE_POINT = {9: "BT.2020", 11: "Display P3", 12: "Display P3"}
_HDR_TRANSFERS = (16, 18)
_UNCALIBRATED = 0xFFFF
_INDEX_TAG = 1  # of the interoperability directory


def named_by_code_points(code_points: tuple[int, int] | None) -> str | None:
    """The colour space that primaries and transfer function name, when it is neither sRGB's nor HDR."""
    if code_points is None or code_points[1] in _HDR_TRANSFERS:
        return None
    return _BY_CODE_POINT.get(code_points[0])


def named_by_exif(exif: Image.Exif) -> str | None:
    """Adobe RGB, when the camera says so."""
    try:
        inner = exif.get_ifd(ExifTags.IFD.Exif)
        index: Any = exif.get_ifd(ExifTags.IFD.Interop).get(_INDEX_TAG)
    except DECODER_FAULTS:
        return None
    uncalibrated = inner.get(ExifTags.Base.ColorSpace) in (2, _UNCALIBRATED)
    return "Adobe RGB (1998)" if uncalibrated and str(index).startswith("R03") else None


@cache
def profile_of(space: str) -> bytes:
    """An ICC profile of a colour space by name."""
    columns = _transposed(_to_d50(_rgb_to_xyz(_SPACES[space])))
    curve = _gamma(_ADOBE_GAMMA) if space.startswith("Adobe") else _srgb_curve()
    text = space.encode("ascii") + b"\0"
    tags = [
        (b"desc", b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)),
        (b"cprt", b"text" + bytes(4) + b"none\0"),
        (b"wtpt", _xyz(_D50_XYZ)),
        *((name, _xyz(column)) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)),
        *((name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags:
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _fixed(_D50_XYZ)
    return header.ljust(128, b"\0") + table + body


def _rgb_to_xyz(primaries: tuple[tuple[float, float], ...]) -> Matrix:
    """Columns are the primaries' XYZ, scaled so that they add up to D65 white."""
    columns = [_from_xy(x, y) for x, y in primaries]
    matrix = _transposed(tuple(columns))
    scales = _times(_inverse(matrix), _from_xy(*_D65))
    return tuple(tuple(value * s for value, s in zip(row, scales, strict=True)) for row in matrix)


def _to_d50(matrix: Matrix) -> Matrix:
    """Bradford adaptation from D65."""
    source, target = _times(_BRADFORD, _from_xy(*_D65)), _times(_BRADFORD, _D50_XYZ)
    scaled = tuple(tuple(value * t / s for value in row) for row, s, t in zip(_BRADFORD, source, target, strict=True))
    adaptation = _product(_inverse(_BRADFORD), scaled)
    return _product(adaptation, matrix)


def _from_xy(x: float, y: float) -> tuple[float, ...]:
    return x / y, 1.0, (1 - x - y) / y


def _times(matrix: Matrix, vector: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def _product(a: Matrix, b: Matrix) -> Matrix:
    return _transposed(tuple(_times(a, column) for column in _transposed(b)))


def _transposed(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))


def _inverse(m: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    minors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    determinant = a * minors[0][0] + b * minors[1][0] + c * minors[2][0]
    return tuple(tuple(value / determinant for value in row) for row in minors)


def _fixed(values: tuple[float, ...]) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


def _srgb_curve() -> bytes:
    """IEC 61966-2-1 at 1024 points."""
    points = [n / 1023 for n in range(1024)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in points]
    return b"curv" + bytes(4) + struct.pack(">I", 1024) + b"".join(struct.pack(">H", round(v * 65535)) for v in linear)
