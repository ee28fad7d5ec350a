"""What a file is, from its first bytes: kind, format and MIME type.

Belongs here: signatures only. A name or extension is never looked at, so wrong or missing extensions work. Doesn't
belong here: whether the rest of the file is sound (telecine/image/header, telecine/video probe decide that).
Outside sources are named in each module: ISO 14496-12, Matroska (RFC 9559), ISO 13818-1, RFC 3533, ISO 11172-3.
"""

from __future__ import annotations

from telecine.errors import ErrorCode, InputError
from telecine.sniff import bmff, containers, foreign, pictures, sound
from telecine.sniff.result import HEAD_BYTES, Kind, Sniffed

__all__ = ["HEAD_BYTES", "Kind", "Sniffed", "sniff"]

# Order matters only for the last: sync-word formats are tried when no real signature matched.
_RECOGNISERS = (pictures.recognise, bmff.recognise, containers.recognise, sound.recognise)


def sniff(head: bytes) -> Sniffed:
    """Recognise a media file.

    Args:
        head: the first bytes of the file, up to `HEAD_BYTES`; shorter when the file is.

    Raises:
        InputError: EMPTY_FILE for no bytes; UNSUPPORTED_MEDIA with what the file looks like, when that is known.
    """
    if not head:
        raise InputError(ErrorCode.EMPTY_FILE, "The file is empty (0 bytes).")
    for recognise in _RECOGNISERS:
        if found := recognise(head):
            return found
    if what := foreign.describe(head):
        raise InputError(ErrorCode.UNSUPPORTED_MEDIA, f"This is {what}, which Telecine doesn't read.")
    if found := sound.recognise_by_sync(head):
        return found
    shown = head[:8].hex(" ")
    raise InputError(
        ErrorCode.UNSUPPORTED_MEDIA,
        f"The first bytes ({shown}) match no image, video or audio format that Telecine reads.",
    )
