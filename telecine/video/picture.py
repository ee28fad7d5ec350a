"""Filters that turn a decoded picture into what a person should see: upright, square pixels, known colours.

Pure. Used by the ladder and by stills, so that a poster looks like the video. Doesn't belong here: the graph they are
put in (graph.py). Sources: ffmpeg-filters(1); ITU-R BT.709, BT.2408 (HDR to SDR); heights below 720 without a tag are
BT.601 by every player's convention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from telecine.probe import VideoFacts

_WIDE = {"bt2020": "2020", "smpte432": "smpte432", "smpte431": "smpte431"}
_MATRIX = {"bt709": "bt709", "bt470bg": "bt470", "smpte170m": "smpte170m", "smpte240m": "smpte240m", "fcc": "fcc"}
_MATRIX |= {"bt2020nc": "bt2020", "bt2020c": "bt2020"}
_HDR_TRANSFER = {"pq": "smpte2084", "hlg": "arib-std-b67"}
_SEE_THROUGH = ("argb", "rgba", "abgr", "bgra", "gbrap", "yuva", "ya8", "ya16")
_FIELDS_LEAST = 16  # pixels; bwdif refuses planes of less than 3
_SAME_SHAPE = 0.03  # aspect ratios closer than this are one shape: rounding, cropping to macroblocks


@dataclass(frozen=True, slots=True)
class Filter:
    """One of ffmpeg's filters with its options."""

    name: str
    options: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        """As ffmpeg reads it in a chain."""
        options = ":".join(f"{k}='{v}'" if set("',;[]") & set(str(v)) else f"{k}={v}" for k, v in self.options.items())
        return f"{self.name}={options}" if options else self.name


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures come out.

    Attributes:
        hdr: the transfer that is kept; None for BT.709.
    """

    pixel_format: str = "yuv420p"
    hdr: Literal["pq", "hlg"] | None = None


def upright(video: VideoFacts, width: int, height: int) -> list[str]:
    """Filters from whole frames to `width` x `height` (even, as displayed), upright, yuv420p, BT.709, as words."""
    return [str(each) for each in upright_filters(video, width, height, Look())]


def upright_filters(video: VideoFacts, width: int, height: int, look: Look) -> list[Filter]:
    """Filters from whole frames to `width` x `height` (even, as displayed), upright, with a look."""
    turned = video.rotation in (90, 270)
    across, down = (height, width) if turned else (width, height)
    return [
        *_on_black(video),
        *_coloured(video, across, down, look),
        *_oriented(video),
        Filter("setsar", {"sar": 1}),
        # The source's display matrix would be written to the output and turn it a second time; how bright the
        # mastering screen was goes on with a range that is kept.
        Filter("sidedata", {"mode": "delete"} | ({"type": "DISPLAYMATRIX"} if look.hdr else {})),
    ]


def deinterlaced(video: VideoFacts) -> list[str]:
    """Fields made frames, only where a frame says that it has fields; comes before anything else."""
    return [str(each) for each in deinterlace_filters(video)]


def deinterlace_filters(video: VideoFacts) -> list[Filter]:
    """The same for a graph.

    Other frames only pass through, at a hundredth of the cost of decoding them. The deinterlacer can't follow a picture
    whose size changes, so such frames are brought to the first one's size before it, fields apart.
    """
    if not video.may_have_fields or min(video.width, video.height) < _FIELDS_LEAST:
        return []
    size: dict[str, str | int] = {"w": video.width, "h": video.height, "eval": "frame", "interl": -1}
    return [
        Filter("scale", {**size, "flags": "bicubic"}),
        Filter("bwdif", {"mode": "send_frame", "deint": "interlaced"}),
    ]


def colours(look: Look, video: VideoFacts) -> dict[str, str]:
    """What players are told of the colours: space, primaries, transfer and range, as ffprobe names them."""
    if look.hdr is None:
        return {"space": "bt709", "primaries": "bt709", "transfer": "bt709", "range": "tv"}
    return {
        "space": "bt2020nc",
        "primaries": video.colour_primaries if video.colour_primaries in _WIDE else "bt2020",
        "transfer": _HDR_TRANSFER[look.hdr],
        "range": "tv",
    }


def _coloured(video: VideoFacts, width: int, height: int, look: Look) -> list[Filter]:
    told = colours(look, video)
    tags = {"colorspace": told["space"], "color_primaries": told["primaries"], "color_trc": told["transfer"]}
    end = [Filter("format", {"pix_fmts": look.pixel_format}), Filter("setparams", {**tags, "range": "tv"})]
    if look.hdr is not None:
        matrix = {"in_color_matrix": "bt2020", "out_color_matrix": "bt2020", "out_range": "tv"}
        return [*_scaled(video, width, height, matrix), *end]
    if video.hdr is not None:
        return [
            *_scaled(video, width, height, {}),
            # What the frames say may differ from the container, so it is said again here.
            _zscale(
                tin=_HDR_TRANSFER[video.hdr],
                pin=_WIDE.get(video.colour_primaries or "", "2020"),
                min="2020_ncl",
                rin=_range(video),
                t="linear",
                npl=100,
            ),
            Filter("format", {"pix_fmts": "gbrpf32le"}),
            _zscale(p="bt709"),
            Filter("tonemap", {"tonemap": "hable", "desat": 0}),
            _zscale(t="bt709", m="bt709", r="tv"),
            *end,
        ]
    if video.colour_primaries in _WIDE:
        primaries = _WIDE[video.colour_primaries]
        given = {"tin": "bt709", "pin": primaries, "min": _zscale_matrix(video), "rin": _range(video)}
        return [*_scaled(video, width, height, {}), _zscale(**given, t="bt709", p="bt709", m="bt709", r="tv"), *end]
    known = _in_matrix(video)
    matrix = ({"in_color_matrix": known} if known else {}) | {"out_color_matrix": "bt709", "out_range": "tv"}
    return [*_scaled(video, width, height, matrix), *end]


def _scaled(video: VideoFacts, width: int, height: int, matrix: Mapping[str, str]) -> list[Filter]:
    """To one size, whatever comes: calls and broadcasts change size, some turn from landscape to portrait.

    A picture of another shape than the one that was probed is fitted and padded, never distorted.
    """
    across, down = video.upright_size
    same = f"lt(abs(dar*{down}/{across}-1),{_SAME_SHAPE})"
    size: dict[str, str | int] = {
        "w": f"if({same},{width},max(2,trunc(min({width},{height}*dar)/2)*2))",
        "h": f"if({same},{height},max(2,trunc(min({height},{width}/dar)/2)*2))",
        "eval": "frame",
        "flags": "bicubic",
    }
    return [
        *([] if video.sar_is_sane else [Filter("setsar", {"sar": 1})]),
        Filter("scale", {**size, **matrix}),
        Filter("pad", {"w": width, "h": height, "x": -1, "y": -1, "eval": "frame"}),
    ]


def _zscale(**options: str | int) -> Filter:
    return Filter("zscale", options)


def _in_matrix(video: VideoFacts) -> str | None:
    if _is_rgb(video):
        return None
    known = _MATRIX.get(video.colour_space or "")
    if known is None:
        known = "bt709" if video.height >= 720 or video.width >= 1280 else "smpte170m"
    return known


def _zscale_matrix(video: VideoFacts) -> str:
    return {"bt2020nc": "2020_ncl", "bt2020c": "2020_cl", "smpte170m": "170m", "bt470bg": "470bg"}.get(
        video.colour_space or "", "709"
    )


def _range(video: VideoFacts) -> str:
    return "pc" if video.colour_range == "pc" else "tv"


def _on_black(video: VideoFacts) -> list[Filter]:
    """What is transparent shows black, not the colour that is hidden below."""
    name = video.pixel_format or ""
    if not name.startswith(_SEE_THROUGH):
        return []
    planes = "gbrap12le" if (video.bit_depth or 8) > 8 else "gbrap"  # RGB stays RGB: its matrix is chosen later
    own = [] if name.startswith("yuva") else [Filter("format", {"pix_fmts": planes})]
    return [*own, Filter("premultiply", {"inplace": 1})]


def _is_rgb(video: VideoFacts) -> bool:
    name = video.pixel_format or ""
    return video.colour_space == "gbr" or name.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "pal8", "gray"))


def _oriented(video: VideoFacts) -> list[Filter]:
    flip, turn_over = Filter("hflip"), [Filter("hflip"), Filter("vflip")]
    turn = {
        0: [],
        90: [Filter("transpose", {"dir": "clock"})],
        180: turn_over,
        270: [Filter("transpose", {"dir": "cclock"})],
    }[video.rotation]
    return [*([flip] if video.mirrored else []), *turn]
