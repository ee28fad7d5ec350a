"""Where the key of a cbcs package goes, and where it doesn't."""

from __future__ import annotations

import stat
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from telecine.errors import ErrorCode, SystemFault
from telecine.stream.cbcs import Encryption, argv
from telecine.stream.keys import KeyRing

KEY = KeyRing("clip-00000000", 1, "").cut()
ENCRYPTION = Encryption(
    KEY, "https://g.example/keys/clip-00000000/k", "https://g.example/licence/clip-00000000?a=1&b=2"
)
MPD = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013"><Period>
<AdaptationSet contentType="video">
<ContentProtection value="cbcs" schemeIdUri="urn:mpeg:dash:mp4protection:2011" cenc:default_KID="0"/>
<ContentProtection schemeIdUri="urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b">
<cenc:pssh>AAAA</cenc:pssh></ContentProtection>
<Representation id="0"/></AdaptationSet>
<AdaptationSet contentType="text"><Representation id="1"/></AdaptationSet>
</Period></MPD>"""


def test_the_key_is_in_a_file_of_ours_and_never_in_an_argv(tmp_path: Path) -> None:
    flags = tmp_path / "stream.keys"
    with argv(ENCRYPTION, flags) as words:
        assert KEY.value.hex() not in " ".join(words)
        assert KEY.value.hex() in flags.read_text()
        assert stat.S_IMODE(flags.stat().st_mode) == 0o600
    assert not flags.exists()
    with argv(None, flags) as words:
        assert words == []


def test_a_packager_that_repeats_the_key_is_not_quoted(tmp_path: Path) -> None:
    said = f"Illegal value key={KEY.value.hex()}"
    with pytest.raises(SystemFault) as failed, argv(ENCRYPTION, tmp_path / "stream.keys"):
        raise SystemFault(ErrorCode.ENCODE_FAILED, said, said)
    assert failed.value.details == "Illegal value key=(the key)"
    assert KEY.value.hex() not in failed.value.message
    assert failed.value.__cause__ is None


def test_a_playlist_offers_the_key_in_both_formats() -> None:
    line = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="https://g.example/keys/clip-00000000/k",KEYFORMAT="identity"'
    lines = ENCRYPTION.complete_playlist(f"#EXTM3U\n{line}\n#EXTINF:2,\na.m4s\n").splitlines()
    assert lines[1] == line
    assert lines[2].startswith("#EXT-X-KEY:METHOD=SAMPLE-AES,")
    assert 'KEYFORMAT="org.w3.clearkey"' in lines[2]
    assert f"KEYID=0x{KEY.id.hex()}" in lines[2]
    assert lines[3:] == ["#EXTINF:2,", "a.m4s"]


def test_an_mpd_says_where_the_licence_is_once_for_each_protected_set() -> None:
    root = ET.fromstring(ENCRYPTION.complete_mpd(MPD))
    video, text = root.findall(".//{*}AdaptationSet")
    offers = [e.get("schemeIdUri") for e in video.findall("{*}ContentProtection")]
    assert offers == ["urn:mpeg:dash:mp4protection:2011", "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"]
    assert video.findtext(".//{https://dashif.org/CPS}Laurl") == ENCRYPTION.licence_uri
    assert text.findall("{*}ContentProtection") == []
