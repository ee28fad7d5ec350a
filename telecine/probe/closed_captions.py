"""Whether a picture carries captions inside its bitstream (CEA-608, CEA-708), as North American broadcasts do.

No header says so, and ffprobe knows only after decoding frames, which would cost every video a process. The mark that
comes with each frame's captions is eight bytes long and found in milliseconds. Sources: ATSC A/53 Part 4 section 6.2.3
(cc_data), SCTE 128-1 section 8.1 (H.264 and H.265), CTA-861 (ITU-T T.35 country 0xB5, provider 0x0031, "GA94").
Doesn't belong here: what the captions say.
"""

from __future__ import annotations

from pathlib import Path

from telecine.probe.tracks import VideoFacts

_READ_BYTES = 8 * 1024**2  # the index of a long film that comes first, and its first frames
_T35, _MPEG2 = b"\xb5\x00\x31GA94\x03", b"\x00\x00\x01\xb2GA94\x03"
_MARKS = {"h264": _T35, "hevc": _T35, "av1": _T35, "mpeg2video": _MPEG2}


def holds_captions(path: Path, video: VideoFacts) -> bool:
    """Whether captions come with the first frames of a file's picture."""
    mark = _MARKS.get(video.codec)
    if mark is None:
        return False
    with path.open("rb") as f:
        return mark in f.read(_READ_BYTES)
