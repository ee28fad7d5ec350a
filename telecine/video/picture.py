"""Filters that turn a decoded picture into what a person should see: upright, square pixels, BT.709, 8 bits.

Pure: strings for ffmpeg's filter graph from facts. Used by the ladder and by stills, so that a poster looks like the
video. Sources: ffmpeg-filters(1); ITU-R BT.709, BT.2408 (HDR to SDR); heights below 720 without a tag are BT.601 by
every player's convention.
"""

from __future__ import annotations

from telecine.probe import VideoFacts

_WIDE = {"bt2020": "2020", "smpte432": "smpte432", "smpte431": "smpte431"}
_MATRIX = {"bt709": "bt709", "bt470bg": "bt470", "smpte170m": "smpte170m", "smpte240m": "smpte240m", "fcc": "fcc"}
_MATRIX |= {"bt2020nc": "bt2020", "bt2020c": "bt2020"}
_HDR_TRANSFER = {"pq": "smpte2084", "hlg": "arib-std-b67"}
_SAME_SHAPE = 0.03  # aspect ratios closer than this are one shape: rounding, cropping to macroblocks
_BT709 = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"


def upright(video: VideoFacts, width: int, height: int) -> list[str]:
    """Filters from whole frames to `width` x `height` (even, as displayed), upright, yuv420p, BT.709."""
    turned = video.rotation in (90, 270)
    across, down = (height, width) if turned else (width, height)
    return [
        *_scaled_to_bt709(video, across, down),
        *_oriented(video),
        "setsar=1",
        # The source's display matrix would be written to the output and turn it a second time.
        "sidedata=mode=delete",
    ]


def deinterlaced(video: VideoFacts) -> list[str]:
    """Fields made frames, only where a frame says that it has fields; comes before anything else."""
    return ["bwdif=mode=send_frame:deint=interlaced"] if video.interlaced else []


def _scaled_to_bt709(video: VideoFacts, width: int, height: int) -> list[str]:
    if video.hdr is not None:
        return [
            *_scaled(video, width, height),
            # What the frames say may differ from the container, so it is said again here.
            f"zscale=tin={_HDR_TRANSFER[video.hdr]}:pin={_WIDE.get(video.colour_primaries or '', '2020')}"
            f":min=2020_ncl:rin={_range(video)}:t=linear:npl=100",
            "format=gbrpf32le",
            "zscale=p=bt709",
            "tonemap=tonemap=hable:desat=0",
            "zscale=t=bt709:m=bt709:r=tv",
            "format=yuv420p",
            _BT709,
        ]
    if video.colour_primaries in _WIDE:
        return [
            *_scaled(video, width, height),
            f"zscale=tin=bt709:pin={_WIDE[video.colour_primaries]}:min={_zscale_matrix(video)}:rin={_range(video)}"
            ":t=bt709:p=bt709:m=bt709:r=tv",
            "format=yuv420p",
            _BT709,
        ]
    matrix = f"{_in_matrix(video)}:out_color_matrix=bt709:out_range=tv"
    return [*_scaled(video, width, height, matrix), "format=yuv420p", _BT709]


def _scaled(video: VideoFacts, width: int, height: int, matrix: str = "") -> list[str]:
    """To one size, whatever comes: calls and broadcasts change size, some turn from landscape to portrait.

    A picture of another shape than the one that was probed is fitted and padded, never distorted.
    """
    across, down = video.upright_size
    same = f"lt(abs(dar*{down}/{across}-1),{_SAME_SHAPE})"
    return [
        *([] if video.sar_is_sane else ["setsar=1"]),
        f"scale=w='if({same},{width},max(2,trunc(min({width},{height}*dar)/2)*2))'"
        f":h='if({same},{height},max(2,trunc(min({height},{width}/dar)/2)*2))'"
        f":eval=frame:flags=bicubic{matrix}",
        f"pad={width}:{height}:-1:-1:eval=frame",
    ]


def _in_matrix(video: VideoFacts) -> str:
    if _is_rgb(video):
        return ""
    known = _MATRIX.get(video.colour_space or "")
    if known is None:
        known = "bt709" if video.height >= 720 or video.width >= 1280 else "smpte170m"
    return f":in_color_matrix={known}"


def _zscale_matrix(video: VideoFacts) -> str:
    return {"bt2020nc": "2020_ncl", "bt2020c": "2020_cl", "smpte170m": "170m", "bt470bg": "470bg"}.get(
        video.colour_space or "", "709"
    )


def _range(video: VideoFacts) -> str:
    return "pc" if video.colour_range == "pc" else "tv"


def _is_rgb(video: VideoFacts) -> bool:
    name = video.pixel_format or ""
    return video.colour_space == "gbr" or name.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "pal8", "gray"))


def _oriented(video: VideoFacts) -> list[str]:
    turn = {0: [], 90: ["transpose=clock"], 180: ["hflip", "vflip"], 270: ["transpose=cclock"]}[video.rotation]
    return [*(["hflip"] if video.mirrored else []), *turn]
