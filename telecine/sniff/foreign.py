"""Names for what isn't supported, so that a refusal says what the file looks like."""

from __future__ import annotations

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"#EXTM3U", "an HLS or M3U playlist (text that names other files)"),
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "an EPS file"),
    (b"PK\x03\x04", "a ZIP archive (or an Office document)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\x7fELF", "a Linux program"),
    (b"MZ", "a Windows program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"8BPS", "a Photoshop document"),
    (b"gimp xcf", "a GIMP document"),
    (b"\0\0\x01\0", "a Windows icon"),
    (b"\0\0\x02\0\0", "a TGA picture"),
    (b"\0\0\x02\0", "a Windows cursor"),
    (b"P5\n", "a PGM picture"),
    (b"P6\n", "a PPM picture"),
    (b"qoif", "a QOI picture"),
    (b"DDS ", "a DirectDraw texture"),
    (b"icns", "a macOS icon"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream"),
    (b"FUJIFILMCCD-RAW", "a Fujifilm raw photo"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file (ASF, WMV or WMA)"),
    (b".RMF", "a RealMedia file"),
    (b"MThd", "a MIDI file"),
    (b"#!AMR", "an AMR recording"),
    (b"caff", "a Core Audio file"),
    (b".snd", "a Sun audio file"),
    (b"\x0b\x77", "a raw AC-3 stream"),
    (b"\0\0\x01\xb3", "a raw MPEG video stream"),
    (b"\0\0\0\x01\x67", "a raw H.264 stream"),
    (b"FWS", "a Flash animation"),
    (b"CWS", "a Flash animation"),
    (b"wOFF", "a web font"),
    (b"wOF2", "a web font"),
)
_MARKUP: tuple[tuple[bytes, str], ...] = (
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "a web page (HTML), perhaps an error page that was saved as a media file"),
    (b"<html", "a web page (HTML), perhaps an error page that was saved as a media file"),
    (b"<mpd", "a DASH manifest (text that names other files)"),
    (b"<error>", "an XML error message, perhaps of an object store"),
    (b"<?xml", "an XML document"),
)


def describe(head: bytes) -> str | None:
    """What the file looks like, ready for "This is ..."; None when nothing is known."""
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            return what
    if head[257:262] == b"ustar":
        return "a tar archive"
    text = _as_text(head)
    if text is None:
        return (
            "a file that starts with nothing but zero bytes (an interrupted upload leaves such files)"
            if not head.strip(b"\0")
            else None
        )
    start = text.lstrip().lower()
    if start.startswith("#extm3u"):
        return "an HLS or M3U playlist (text that names other files)"
    for mark, what in _MARKUP:
        if mark.decode() in (start[:4096] if mark == b"<svg" else start[: len(mark)]):
            return what
    if not start:
        return "a file of nothing but blanks"
    return "a JSON document" if start[0] in "{[" else "a text file"


def _as_text(head: bytes) -> str | None:
    """The head as text when it is text (UTF-8 or UTF-16 with a mark), else None."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8")):
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, errors="ignore")
    try:
        # The head may end in the middle of a character.
        text = head.decode("utf-8", errors="strict" if len(head) < 1024 else "ignore")
    except UnicodeDecodeError:
        return None
    if len(head) >= 1024 and len(text.encode()) < len(head) - 3:
        return None
    control = sum(c < " " and c not in "\t\r\n\f\x1b" for c in text[:2048])
    return None if control else text
