"""CMAF with encrypted samples: what Shaka Packager is told, and how its playlists and MPD say where keys are.

Scheme cbcs of ISO/IEC 23001-7, no clear lead. HLS gets two EXT-X-KEY tags for the same key: "identity", whose URI gives
the key's bytes (RFC 8216, what Apple's and Shaka's players take), and "org.w3.clearkey" with the EME licence address,
which hls.js takes. The MPD gets W3C ClearKey with `dashif:Laurl` (DASH-IF IOP 4.3, 7.7). Doesn't belong here: giving
keys out (telecine/gateway).

The key reaches the packager in a file that only we can read (`--flagfile`): an argv can be read by everybody.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from telecine.errors import ErrorCode, SystemFault, TelecineError
from telecine.stream import hls
from telecine.stream.keys import ContentKey

_CLEAR_KEY = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
# The initialisation segments hold its pssh; one in the MPD dash.js would hand to the browser as a list of key ids.
_COMMON_PSSH = "urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
_MPD = "urn:mpeg:dash:schema:mpd:2011"
_DASHIF = "https://dashif.org/CPS"
_PREFIXES = {
    "": _MPD,
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "cenc": "urn:mpeg:cenc:2013",
    "dashif": _DASHIF,
}
_MP4_PROTECTION = "urn:mpeg:dash:mp4protection:2011"


@dataclass(frozen=True, slots=True)
class Encryption:
    """One key for all of a package, and where players get it."""

    key: ContentKey
    key_uri: str
    licence_uri: str

    def complete_playlist(self, text: str) -> str:
        """A media playlist in which each key is also offered as a clear key."""
        offer = (
            f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{self.licence_uri}",KEYFORMAT="org.w3.clearkey",'
            f'KEYFORMATVERSIONS="1",KEYID=0x{self.key.id.hex()}'
        )
        lines = []
        for line in text.splitlines():
            lines += [line, offer] if line.startswith("#EXT-X-KEY:") else [line]
        return "\n".join(lines) + "\n"

    def complete_mpd(self, text: str) -> str:
        """An MPD in which every protected adaptation set says where its licence is."""
        for prefix, namespace in _PREFIXES.items():
            ET.register_namespace(prefix, namespace)
        root = ET.fromstring(text)
        for adaptation in root.iter(f"{{{_MPD}}}AdaptationSet"):
            for element in adaptation.findall(f"{{{_MPD}}}ContentProtection"):
                if element.get("schemeIdUri") == _COMMON_PSSH:
                    adaptation.remove(element)
                elif element.get("schemeIdUri") == _MP4_PROTECTION:
                    offer = ET.Element(f"{{{_MPD}}}ContentProtection", schemeIdUri=_CLEAR_KEY, value="ClearKey1.0")
                    licence = ET.SubElement(offer, f"{{{_DASHIF}}}Laurl", Lic_type="EME-1.0")
                    licence.text = self.licence_uri
                    adaptation.insert(list(adaptation).index(element) + 1, offer)
        ET.indent(root)
        return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


@contextmanager
def argv(encryption: Encryption | None, flags: Path) -> Iterator[list[str]]:
    """Arguments for Shaka Packager, none without an encryption; the file that they name exists within the block only.

    What the packager says in its last words is told without the key.

    Args:
        flags: where that file is put: beside the packager's working directory.
    """
    if encryption is None:
        yield []
        return
    secret = encryption.key.value.hex()
    descriptor = os.open(flags, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as f:
            f.write(f"--keys=label=:key_id={encryption.key.id.hex()}:key={secret}\n")
        words = ["--enable_raw_key_encryption", f"--flagfile=../{flags.name}", f"--hls_key_uri={encryption.key_uri}"]
        yield [*words, "--protection_scheme=cbcs", "--clear_lead=0", "--protection_systems=CommonSystem"]
    except TelecineError as e:
        details = e.details.replace(secret, "(the key)") if e.details else None
        raise type(e)(e.code, e.message.replace(secret, "(the key)"), details) from None
    finally:
        flags.unlink()


def finish_package(directory: Path, encryption: Encryption, *, multivariant: str | None, mpd: str | None) -> None:
    """Complete playlists and MPD of a package that was made with an encryption, and check that it is encrypted.

    Args:
        multivariant, mpd: file names of the entries; None for one that isn't there.

    Raises:
        SystemFault: VERIFY_FAILED.
    """
    if multivariant is not None:
        entry = hls.parse_multivariant((directory / multivariant).read_text())
        played = [uri for _, uri in (*entry.variants, *entry.iframes)]
        played += [m["URI"] for m in entry.media if m["TYPE"] == "AUDIO"]
        for uri in dict.fromkeys(played):
            path = directory / uri
            path.write_text(encryption.complete_playlist(path.read_text()))
            if f'URI="{encryption.key_uri}"' not in path.read_text():
                raise SystemFault(ErrorCode.VERIFY_FAILED, f"{uri} names no key")
    if mpd is not None:
        path = directory / mpd
        path.write_text(encryption.complete_mpd(path.read_text()))
    for init in sorted(directory.glob("*/init.mp4")):
        found = init.read_bytes()
        # tenc holds the KID, schm the scheme; a clear sample entry would be avc1, hvc1, mp4a and the like.
        if encryption.key.id not in found or b"cbcs" not in found or not (b"encv" in found or b"enca" in found):
            raise SystemFault(ErrorCode.VERIFY_FAILED, f"{init.parent.name} is not encrypted")
