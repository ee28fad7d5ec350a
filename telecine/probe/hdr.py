"""What HDR pictures say about themselves beside their transfer: HDR10's static metadata and Dolby Vision.

Belongs here: the records, and reading them from ffprobe's side data of a stream or a frame. Doesn't belong here: what
is made of them. Sources: SMPTE ST 2086, CTA-861.3, "Dolby Vision Streams Within the ISO Base Media File Format" 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """The screen it was graded on (SMPTE ST 2086).

    Attributes:
        red, green, blue, white: CIE 1931 x, y; None when the file doesn't say.
        min_nits, max_nits: cd/m2.
    """

    red: tuple[float, float] | None
    green: tuple[float, float] | None
    blue: tuple[float, float] | None
    white: tuple[float, float] | None
    min_nits: float | None
    max_nits: float | None


@dataclass(frozen=True, slots=True)
class ContentLight:
    """How bright it gets (CTA-861.3), in cd/m2: the brightest pixel, and the brightest frame's average."""

    max_cll: int
    max_fall: int


@dataclass(frozen=True, slots=True)
class DolbyVision:
    """Attributes:
    profile, level: 5 has no base layer that others can show; 7, 8 and 10 have.
    compatibility: bl_signal_compatibility_id: 1 HDR10, 2 SDR, 4 HLG, 6 Blu-ray HDR10; 0 none.
    """

    profile: int
    level: int
    compatibility: int

    @property
    def base_layer(self) -> bool:
        """Whether others can show it: profiles 5 and 10.0 are in a colour space that only Dolby's decoders know."""
        return self.profile != 5 and (self.profile, self.compatibility) != (10, 0)


def mastering_display(side_data: Iterable[Mapping[str, Any]]) -> MasteringDisplay | None:
    """From a side data list; None when it has none."""
    side = _of("Mastering display metadata", side_data)
    if side is None:
        return None
    return MasteringDisplay(
        red=_point(side, "red"),
        green=_point(side, "green"),
        blue=_point(side, "blue"),
        white=_point(side, "white_point"),
        min_nits=_value(side.get("min_luminance")),
        max_nits=_value(side.get("max_luminance")),
    )


def content_light(side_data: Iterable[Mapping[str, Any]]) -> ContentLight | None:
    """From a side data list; None when it has none, or says nothing (0 and 0)."""
    side = _of("Content light level metadata", side_data)
    if side is None or not side.get("max_content"):
        return None
    return ContentLight(int(side["max_content"]), int(side.get("max_average") or 0))


def dolby_vision(side_data: Iterable[Mapping[str, Any]]) -> DolbyVision | None:
    """From a side data list; None when it has none."""
    side = _of("DOVI configuration record", side_data)
    if side is None:
        return None
    return DolbyVision(
        profile=int(side.get("dv_profile", 0)),
        level=int(side.get("dv_level", 0)),
        compatibility=int(side.get("dv_bl_signal_compatibility_id", 0)),
    )


def _of(kind: str, side_data: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((side for side in side_data if side.get("side_data_type") == kind), None)


def _point(side: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    x, y = _value(side.get(f"{name}_x")), _value(side.get(f"{name}_y"))
    return None if x is None or y is None else (x, y)


def _value(text: Any) -> float | None:
    """A fraction such as 34000/50000."""
    try:
        return round(float(Fraction(str(text))), 5)
    except (ValueError, ZeroDivisionError):
        return None
