"""Packages with one fault each: what is done to a good one, and the rules that must find it (and no others)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MULTIVARIANT, MPD = "multivariant.m3u8", "manifest.mpd"


@dataclass(frozen=True)
class Fault:
    """One deliberate fault.

    Attributes:
        name: what is wrong, as a test id.
        plant: does it to a package.
        rules: the rules that are broken then, all of them.
        entries: what is verified.
        of: the kind of package that is broken.
    """

    name: str
    plant: Callable[[Path], None]
    rules: frozenset[str]
    entries: tuple[str, ...] = (MULTIVARIANT, MPD)
    of: str = "clear"


FAULTS: list[Fault] = []


def fault(
    *rules: str, entries: tuple[str, ...] = (MULTIVARIANT, MPD), of: str = "clear"
) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Register a function that breaks a package, and what has to be found."""

    def register(plant: Callable[[Path], None]) -> Callable[[Path], None]:
        FAULTS.append(Fault(plant.__name__, plant, frozenset(rules), entries, of))
        return plant

    return register


def edit(path: Path, pattern: str, replacement: str, count: int = 0) -> None:
    """Replace what matches; something must."""
    text, changed = re.subn(pattern, replacement, path.read_text(), count=count, flags=re.MULTILINE)
    assert changed, f"{pattern} isn't in {path.name}"
    path.write_text(text)


def patch(path: Path, box: bytes, offset: int, data: bytes) -> None:
    """Overwrite bytes after the name of the first such box."""
    content = bytearray(path.read_bytes())
    at = content.index(box) + 4 + offset
    content[at : at + len(data)] = data
    path.write_bytes(content)


def delay(path: Path, ticks: int) -> None:
    """Move a segment of one fragment on its track's clock."""
    content = path.read_bytes()
    at = content.index(b"tfdt") + 4
    wide = 8 if content[at] == 1 else 4
    time = int.from_bytes(content[at + 4 : at + 4 + wide], "big") + ticks
    patch(path, b"tfdt", 4, time.to_bytes(wide, "big"))


# Files


@fault("TC-FILES")
def a_segment_is_missing(package: Path) -> None:
    (package / "240p" / "00003.m4s").unlink()


@fault("TC-FILES")
def a_segment_is_empty(package: Path) -> None:
    (package / "audio" / "00002.m4s").write_bytes(b"")


@fault("TC-WHOLE")
def a_segment_is_cut_off(package: Path) -> None:
    path = package / "360p" / "00002.m4s"
    path.write_bytes(path.read_bytes()[:-300])


@fault("TC-WHOLE")
def a_segment_is_a_page_of_an_error(package: Path) -> None:
    path = package / "audio" / "00002.m4s"
    path.write_bytes(b"<html>not found</html>".ljust(path.stat().st_size))


@fault("TC-FILES", entries=(MULTIVARIANT,))
def an_initialisation_section_is_missing(package: Path) -> None:
    (package / "360p" / "init.mp4").unlink()


@fault("APPLE-8.20", entries=(MULTIVARIANT,))
def an_initialisation_section_is_something_else(package: Path) -> None:
    shutil.copy(package / "360p" / "00001.m4s", package / "360p" / "init.mp4")


@fault("TC-FILES", entries=(MULTIVARIANT,))
def a_playlist_is_missing(package: Path) -> None:
    (package / "audio.m3u8").unlink()


@fault("RFC8216-4.1", entries=(MULTIVARIANT,))
def a_playlist_is_something_else(package: Path) -> None:
    (package / "audio.m3u8").write_text("#EXTINF:2,\n00001.m4s\n")


@fault("TC-INSIDE", entries=(MULTIVARIANT,))
def a_playlist_leads_out_of_the_package(package: Path) -> None:
    shutil.copy(package / "240p" / "00003.m4s", package.parent / "00003.m4s")
    edit(package / "240p.m3u8", "^240p/00003.m4s", "../00003.m4s")


@fault("TC-INSIDE", entries=(MULTIVARIANT,))
def a_playlist_leads_to_another_server(package: Path) -> None:
    edit(package / "240p.m3u8", "^240p/00003.m4s", "https://example.com/00003.m4s")


# What variants declare


@fault("APPLE-1.27", entries=(MULTIVARIANT,))
def bandwidth_is_too_low(package: Path) -> None:
    edit(package / MULTIVARIANT, r"(STREAM-INF:(?:(?!I-FRAME).)*?[:,]BANDWIDTH)=\d+", r"\1=100000", 1)


@fault("APPLE-1.27", entries=(MULTIVARIANT,))
def bandwidth_is_too_high(package: Path) -> None:
    edit(package / MULTIVARIANT, r"^(#EXT-X-STREAM-INF:.*?\bBANDWIDTH)=\d+", r"\g<1>=9000000", 1)


@fault("APPLE-1.26", entries=(MULTIVARIANT,))
def the_average_is_wrong(package: Path) -> None:
    edit(package / MULTIVARIANT, r"^(#EXT-X-STREAM-INF:.*AVERAGE-BANDWIDTH)=\d+", r"\g<1>=400000", 1)


@fault("APPLE-9.14", entries=(MULTIVARIANT,))
def the_average_is_left_out(package: Path) -> None:
    edit(package / MULTIVARIANT, r",AVERAGE-BANDWIDTH=\d+", "")


@fault("TC-CODECS", entries=(MULTIVARIANT,))
def codecs_name_another_profile(package: Path) -> None:
    edit(package / MULTIVARIANT, r'(^#EXT-X-STREAM-INF:.*CODECS="avc1)\.\w+', r"\1.640028")


@fault("TC-CODECS", entries=(MULTIVARIANT,))
def codecs_leave_out_the_sound(package: Path) -> None:
    edit(package / MULTIVARIANT, ",mp4a.40.2", "")


@fault("APPLE-9.1", entries=(MULTIVARIANT,))
def codecs_are_left_out(package: Path) -> None:
    edit(package / MULTIVARIANT, r'(^#EXT-X-STREAM-INF:.*),CODECS="[^"]*"', r"\1")


@fault("TC-RESOLUTION", entries=(MULTIVARIANT,))
def the_resolution_is_wrong(package: Path) -> None:
    edit(package / MULTIVARIANT, "RESOLUTION=640x360", "RESOLUTION=1280x720")


@fault("APPLE-9.2", entries=(MULTIVARIANT,))
def the_resolution_is_left_out(package: Path) -> None:
    edit(package / MULTIVARIANT, r"(^#EXT-X-STREAM-INF:.*),RESOLUTION=426x240", r"\1")


@fault("APPLE-1.33", "TC-RESOLUTION", entries=(MULTIVARIANT,))
def a_rung_has_another_shape(package: Path) -> None:
    edit(package / MULTIVARIANT, "RESOLUTION=426x240", "RESOLUTION=320x240")


@fault("TC-FRAME-RATE", entries=(MULTIVARIANT,))
def the_frame_rate_is_wrong(package: Path) -> None:
    edit(package / MULTIVARIANT, r"FRAME-RATE=[\d.]+", "FRAME-RATE=24.975")


@fault("APPLE-9.15", entries=(MULTIVARIANT,))
def the_frame_rate_is_left_out(package: Path) -> None:
    edit(package / MULTIVARIANT, r",FRAME-RATE=[\d.]+", "")


@fault("APPLE-9.16", entries=(MULTIVARIANT,))
def the_picture_is_said_to_be_hdr(package: Path) -> None:
    edit(package / MULTIVARIANT, "VIDEO-RANGE=SDR", "VIDEO-RANGE=PQ")


@fault("APPLE-9.19", entries=(MULTIVARIANT,))
def one_variant_has_no_score(package: Path) -> None:
    edit(package / MULTIVARIANT, r",SCORE=[\d.]+", "", 1)


@fault("APPLE-9.11", "APPLE-9.12", entries=(MULTIVARIANT,))
def independent_segments_are_not_declared(package: Path) -> None:
    for path in package.glob("*.m3u8"):
        path.write_text(path.read_text().replace("#EXT-X-INDEPENDENT-SEGMENTS\n", ""))


# What media playlists declare


@fault("RFC8216-4.3.3.1", "APPLE-7.7", "APPLE-8.2", entries=(MULTIVARIANT,))
def the_target_duration_is_too_small(package: Path) -> None:
    edit(package / "360p.m3u8", r"TARGETDURATION:\d+", "TARGETDURATION:1")


@fault("APPLE-8.2", entries=(MULTIVARIANT,))
def the_sound_has_another_target_duration(package: Path) -> None:
    edit(package / "audio.m3u8", r"TARGETDURATION:\d+", "TARGETDURATION:3")


@fault("APPLE-8.1", entries=(MULTIVARIANT,))
def extinf_lies(package: Path) -> None:
    edit(package / "360p.m3u8", r"EXTINF:2\.0+,", "EXTINF:1.900,", 2)


@fault("RFC8216-4.3.3.4", entries=(MULTIVARIANT,))
def a_playlist_does_not_end(package: Path) -> None:
    edit(package / "240p.m3u8", "^#EXT-X-ENDLIST\n?", "")


@fault("APPLE-8.6", entries=(MULTIVARIANT,))
def a_playlist_is_not_said_to_be_vod(package: Path) -> None:
    edit(package / "240p.m3u8", "^#EXT-X-PLAYLIST-TYPE:VOD\n", "")


@fault("RFC8216-7", entries=(MULTIVARIANT,))
def the_version_is_too_low(package: Path) -> None:
    edit(package / "240p.m3u8", r"EXT-X-VERSION:\d+", "EXT-X-VERSION:3")


@fault("APPLE-8.20", "TC-WHOLE", entries=(MULTIVARIANT,))
def the_initialisation_section_is_not_named(package: Path) -> None:
    edit(package / "240p.m3u8", "^#EXT-X-MAP.*\n", "")


# I-frames


@fault("RFC8216-4.3.3.6", "APPLE-6.9", entries=(MULTIVARIANT,))
def an_iframe_range_is_too_short(package: Path) -> None:
    edit(package / "360p-iframes.m3u8", r"BYTERANGE:\d+@", "BYTERANGE:900@", 1)


@fault("RFC8216-4.3.3.6", "APPLE-6.10", entries=(MULTIVARIANT,))
def an_iframe_range_begins_elsewhere(package: Path) -> None:
    edit(package / "360p-iframes.m3u8", r"(BYTERANGE:\d+)@\d+", r"\1@500", 1)


@fault("APPLE-6.1", entries=(MULTIVARIANT,))
def there_are_no_iframe_playlists(package: Path) -> None:
    edit(package / MULTIVARIANT, "^#EXT-X-I-FRAME-STREAM-INF.*\n", "")


@fault("APPLE-6.9", entries=(MULTIVARIANT,))
def the_bandwidth_of_iframes_is_wrong(package: Path) -> None:
    edit(package / MULTIVARIANT, r"(^#EXT-X-I-FRAME-STREAM-INF:.*?\bBANDWIDTH)=\d+", r"\g<1>=9000", 1)


# Segments


@fault("APPLE-7.4")
def a_segment_starts_on_no_idr(package: Path) -> None:
    """The container still says so; the picture's own bytes don't."""
    path = package / "360p" / "00002.m4s"
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") + 4
    while content[at + 4] & 31 != 5:
        at += 4 + int.from_bytes(content[at : at + 4], "big")
    content[at + 4] = content[at + 4] & ~31 | 1
    path.write_bytes(content)


@fault("APPLE-7.3", "APPLE-8.22", "APPLE-8.1", "DASH-7.2.1")
def a_rung_has_a_gap_in_its_clock(package: Path) -> None:
    delay(package / "240p" / "00003.m4s", 6400)


@fault("APPLE-8.22", "RFC8216-4.3.3.1", "APPLE-7.7", entries=(MULTIVARIANT,))
def a_rung_is_cut_elsewhere(package: Path) -> None:
    first, second = package / "240p" / "00002.m4s", package / "240p" / "00003.m4s"
    first.write_bytes(first.read_bytes() + second.read_bytes())
    edit(package / "240p.m3u8", r"(EXTINF:)2(\.0+,\s+240p/00002.m4s\n)#EXTINF.*\n240p/00003.m4s\n", r"\g<1>4\2")


@fault("APPLE-8.3", entries=(MULTIVARIANT,))
def the_sound_goes_on_after_the_picture(package: Path) -> None:
    last, more = package / "audio" / "00004.m4s", package / "audio" / "00005.m4s"
    shutil.copy(last, more)
    length = re.findall(r"EXTINF:([\d.]+)", (package / "audio.m3u8").read_text())[-1]
    delay(more, round(float(length) * 48000))
    edit(package / "audio.m3u8", "^#EXT-X-ENDLIST", f"#EXTINF:{length},\naudio/00005.m4s\n#EXT-X-ENDLIST")


# Groups


@fault("RFC8216-4.3.4.2.1", entries=(MULTIVARIANT,))
def a_group_is_missing(package: Path) -> None:
    edit(package / MULTIVARIANT, r'(^#EXT-X-STREAM-INF.*AUDIO=)"[^"]*"', r'\1"other"', 1)


def _second_sound(package: Path, **changes: str) -> None:
    text = (package / MULTIVARIANT).read_text()
    line = next(line for line in text.splitlines() if line.startswith("#EXT-X-MEDIA:") and "TYPE=AUDIO" in line)
    more = line
    for name, value in changes.items():
        assert re.search(rf"\b{name}=", more), name
        more = re.sub(rf'\b{name}=("[^"]*"|[^,]*)', f"{name}={value}", more)
    (package / MULTIVARIANT).write_text(text.replace(line, f"{line}\n{more}"))


@fault("TC-ONE-DEFAULT", entries=(MULTIVARIANT,))
def two_sounds_are_the_default(package: Path) -> None:
    _second_sound(package, NAME='"Second"')


@fault("TC-NAMES", entries=(MULTIVARIANT,))
def two_sounds_have_the_same_name(package: Path) -> None:
    _second_sound(package, DEFAULT="NO")


@fault("TC-AUTOSELECT", entries=(MULTIVARIANT,))
def the_default_is_not_to_be_selected(package: Path) -> None:
    edit(package / MULTIVARIANT, "DEFAULT=YES,AUTOSELECT=YES", "DEFAULT=YES,AUTOSELECT=NO")


@fault("APPLE-8.10", entries=(MULTIVARIANT,))
def a_sound_has_no_language(package: Path) -> None:
    edit(package / MULTIVARIANT, r'(TYPE=AUDIO.*),LANGUAGE="en"', r"\1")


@fault("TC-LANGUAGE", entries=(MULTIVARIANT,))
def a_language_is_no_tag(package: Path) -> None:
    edit(package / MULTIVARIANT, 'LANGUAGE="en"', 'LANGUAGE="English, I think"')


@fault("RFC8216-4.3.4.1", entries=(MULTIVARIANT,))
def a_sound_has_no_name(package: Path) -> None:
    edit(package / MULTIVARIANT, r'(TYPE=AUDIO.*),NAME="[^"]*"', r"\1")


# Subtitles


@fault("APPLE-5.5", entries=(MULTIVARIANT,))
def subtitles_end_early(package: Path) -> None:
    edit(package / "captions-en.m3u8", r"#EXTINF.*\ncaptions-en/00004.vtt\n", "")


@fault("TC-VTT", entries=(MULTIVARIANT,))
def subtitles_have_no_header(package: Path) -> None:
    edit(package / "captions-en" / "00001.vtt", r"\AWEBVTT.*\n", "")


@fault("TC-VTT", entries=(MULTIVARIANT,))
def a_cue_ends_before_it_begins(package: Path) -> None:
    edit(package / "captions-en" / "00001.vtt", r"^(\S+) --> (\S+)", r"\2 --> \1")


@fault("APPLE-5.3", entries=(MULTIVARIANT,))
def subtitles_are_not_on_the_media_clock(package: Path) -> None:
    edit(package / "captions-en" / "00002.vtt", r"^X-TIMESTAMP-MAP.*\n", "")


# MPD


@fault("DASH-5.2", entries=(MPD,))
def the_mpd_is_no_xml(package: Path) -> None:
    edit(package / MPD, "</Period>", "")


@fault("DASH-5.2", entries=(MPD,))
def the_mpd_defines_entities(package: Path) -> None:
    edit(package / MPD, "<MPD", '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>\n<MPD')


@fault("DASH-5.3.1.2", entries=(MPD,))
def the_mpd_is_live(package: Path) -> None:
    edit(package / MPD, 'type="static"', 'type="dynamic"')


@fault("DASH-5.3.1.2-duration", entries=(MPD,))
def the_presentation_duration_is_wrong(package: Path) -> None:
    edit(package / MPD, r'mediaPresentationDuration="[^"]*"', 'mediaPresentationDuration="PT9.5S"')


@fault("TC-PERIOD", entries=(MPD,))
def the_period_has_no_duration(package: Path) -> None:
    edit(package / MPD, r'(<Period [^>]*)duration="[^"]*"', r"\1")


@fault("DASH-5.3.2.2", "DASH-5.3.1.2-duration", entries=(MPD,))
def the_period_duration_is_wrong(package: Path) -> None:
    edit(package / MPD, r'(<Period [^>]*)duration="[^"]*"', r'\1duration="PT7S"')


@fault("DASH-5.3.5.2", "TC-BANDWIDTH", entries=(MPD,))
def the_mpd_bandwidth_is_too_low(package: Path) -> None:
    edit(package / MPD, r'bandwidth="\d+"', 'bandwidth="20000"', 1)


@fault("TC-BANDWIDTH", entries=(MPD,))
def the_mpd_bandwidth_is_too_high(package: Path) -> None:
    edit(package / MPD, r'bandwidth="\d+"', 'bandwidth="20000000"', 1)


@fault("TC-FILES", entries=(MPD,))
def the_mpd_names_an_initialisation_that_is_not_there(package: Path) -> None:
    edit(package / MPD, 'initialization="240p/init.mp4"', 'initialization="240p/other.mp4"')


@fault("DASH-5.3.9.6", "DASH-7.2.1", entries=(MPD,))
def the_timeline_has_a_gap(package: Path) -> None:
    path = package / MPD
    text = path.read_text()
    run = re.search(r'<S t="0" d="(\d+)" r="(\d+)" ?/>', text)
    assert run
    ticks, more = int(run[1]), int(run[2])
    parts = f'<S t="0" d="{ticks}" /><S t="{ticks + 6400}" d="{ticks}" r="{more - 1}" />'
    path.write_text(text.replace(run[0], parts, 1))


@fault("DASH-5.3.7.2", entries=(MPD,))
def the_mpd_codecs_are_wrong(package: Path) -> None:
    edit(package / MPD, r'codecs="avc1\.\w+"', 'codecs="hvc1.1.6.L93.B0"', 1)


@fault("DASH-5.3.7.2-size", entries=(MPD,))
def the_mpd_size_is_wrong(package: Path) -> None:
    edit(package / MPD, r'\bwidth="426"', 'width="640"')


@fault("DASH-5.3.7.2-rate", entries=(MPD,))
def the_mpd_frame_rate_is_wrong(package: Path) -> None:
    edit(package / MPD, r'frameRate="[^"]*"', 'frameRate="30000/1001"')


@fault("DASH-5.3.3.2", entries=(MPD,))
def two_representations_have_one_id(package: Path) -> None:
    edit(package / MPD, r'<Representation id="1"', '<Representation id="0"')


@fault("TC-INSIDE", entries=(MPD,))
def the_mpd_leads_out_of_the_package(package: Path) -> None:
    edit(
        package / MPD, r'initialization="240p/init.mp4" media="240p', 'initialization="240p/init.mp4" media="../../240p'
    )


@fault("TC-AGREE")
def a_rung_is_missing_from_the_mpd(package: Path) -> None:
    edit(package / MPD, r'<Representation id="1"(?s:.*?)</Representation>', "", 1)


# Rules that are seldom broken


@fault("APPLE-1.10", entries=(MULTIVARIANT,))
def parameter_sets_are_said_to_be_in_the_samples(package: Path) -> None:
    for rung in ("240p", "360p"):
        path = package / rung / "init.mp4"
        path.write_bytes(path.read_bytes().replace(b"avc1", b"avc3"))
    edit(package / MULTIVARIANT, r'"avc1\.', '"avc3.')


@fault("APPLE-1.26", "APPLE-1.27", "APPLE-1.30", entries=(MULTIVARIANT,))
def one_segment_is_far_heavier_than_the_others(package: Path) -> None:
    path = package / "360p" / "00001.m4s"
    path.write_bytes(path.read_bytes() + (4_000_000).to_bytes(4, "big") + b"free" + bytes(3_999_992))


@fault("APPLE-9.9", entries=(MULTIVARIANT,))
def there_is_one_variant(package: Path) -> None:
    edit(package / MULTIVARIANT, r"^#EXT-X-STREAM-INF.*\n240p.m3u8\n", "")


@fault("RFC8216-4.3.4.2", entries=(MULTIVARIANT,))
def a_variant_has_no_bandwidth(package: Path) -> None:
    edit(package / MULTIVARIANT, r"(^#EXT-X-STREAM-INF:.*?\b)BANDWIDTH=\d+,", r"\1", 1)


@fault("APPLE-9.3", entries=(MULTIVARIANT,))
def iframes_have_no_codecs(package: Path) -> None:
    edit(package / MULTIVARIANT, r'(^#EXT-X-I-FRAME-STREAM-INF:.*),CODECS="[^"]*"', r"\1", 1)


@fault("APPLE-9.4", entries=(MULTIVARIANT,))
def iframes_have_no_resolution(package: Path) -> None:
    edit(package / MULTIVARIANT, r"(^#EXT-X-I-FRAME-STREAM-INF:.*),RESOLUTION=\d+x\d+", r"\1", 1)


@fault("APPLE-6.8", "TC-WHOLE", entries=(MULTIVARIANT,))
def iframe_playlists_are_not_marked(package: Path) -> None:
    for rung in ("240p", "360p"):
        edit(package / f"{rung}-iframes.m3u8", "^#EXT-X-I-FRAMES-ONLY\n", "")


@fault("DASH-5.3.9", entries=(MPD,))
def a_template_says_nothing_of_segments(package: Path) -> None:
    edit(package / MPD, r' media="360p[^"]*"', "")


@fault("DASH-5.3.9.2", "TC-WHOLE", "TC-TIMESCALE", entries=(MPD,))
def sound_begins_with_the_initialisation_of_a_picture(package: Path) -> None:
    path = package / "audio" / "init.mp4"
    shutil.copy(package / "240p" / "init.mp4", path)
    patch(path, b"tkhd", 12, (7).to_bytes(4, "big"))


@fault("TC-TIMESCALE", entries=(MPD,))
def the_timeline_counts_in_milliseconds(package: Path) -> None:
    edit(package / MPD, r'timescale="12800"(?=(?s:.*?)<S t="0" d="25600")', 'timescale="1000"', 1)
    edit(package / MPD, r'<S t="0" d="25600"', '<S t="0" d="2000"', 1)


@fault("TC-LANG", entries=(MPD,))
def the_mpd_names_no_language(package: Path) -> None:
    edit(package / MPD, r'(<AdaptationSet [^>]*contentType="audio"[^>]*?) lang="en"', r"\1")


@fault("DASH-5.8.4.2", entries=(MPD,))
def no_sound_is_the_main_one(package: Path) -> None:
    text = (package / MPD).read_text()
    sound = re.search(r'<AdaptationSet [^>]*contentType="audio"(?s:.*?)</AdaptationSet>', text)
    assert sound
    first = sound[0].replace('value="main"', 'value="alternate"')
    second = re.sub(r'<Representation id="\w+"', '<Representation id="second"', first)
    (package / MPD).write_text(text.replace(sound[0], first + second))


@fault("TC-DASH-TEXT", entries=(MPD,))
def subtitles_in_the_mpd_end_early(package: Path) -> None:
    template = '<SegmentTemplate media="captions-en/$Number%05d$.vtt"><SegmentTimeline><S d="2" r="2" />'
    whole = f"{template}</SegmentTimeline></SegmentTemplate>"
    edit(package / MPD, r"<BaseURL>captions-en.vtt</BaseURL>", whole)


@fault("RFC8216-4.3.2.4", entries=(MULTIVARIANT,), of="cbcs")
def a_key_is_nowhere(package: Path) -> None:
    edit(package / "240p.m3u8", '^(#EXT-X-KEY:.*),URI="[^"]*"', r"\1", 1)


# Protection

SCHEME = "RFC8216-4.3.2.4-scheme"


@fault(SCHEME, entries=(MULTIVARIANT,), of="cbcs")
def encrypted_segments_have_no_key(package: Path) -> None:
    for name in ("240p", "360p", "audio"):
        edit(package / f"{name}.m3u8", "^#EXT-X-KEY.*\n", "")


@fault(SCHEME, entries=(MULTIVARIANT,), of="cbcs")
def encrypted_iframes_have_no_key(package: Path) -> None:
    edit(package / "360p-iframes.m3u8", "^#EXT-X-KEY.*\n", "")


@fault(SCHEME, entries=(MULTIVARIANT,), of="cbcs")
def the_key_is_for_another_scheme(package: Path) -> None:
    edit(package / "audio.m3u8", "METHOD=SAMPLE-AES", "METHOD=SAMPLE-AES-CTR")


@fault(SCHEME, entries=(MULTIVARIANT,), of="cbcs")
def a_later_segment_is_said_to_be_clear(package: Path) -> None:
    edit(package / "240p.m3u8", "^(#EXTINF.*\n240p/00003)", r"#EXT-X-KEY:METHOD=NONE\n\1")


@fault(SCHEME, entries=(MULTIVARIANT,))
def clear_samples_have_a_key(package: Path) -> None:
    edit(package / "240p.m3u8", "^#EXTINF", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="https://a.example"\n#EXTINF', 1)


@fault(SCHEME, entries=(MULTIVARIANT,))
def clear_segments_are_said_to_be_encrypted_whole(package: Path) -> None:
    edit(package / "audio.m3u8", "^#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="https://a.example"\n#EXTINF', 1)


@fault("RFC8216-4.3.2.4", entries=(MULTIVARIANT,), of="cbcs")
def a_key_has_an_iv_that_is_none(package: Path) -> None:
    edit(package / "240p.m3u8", "IV=0x[0-9a-fA-F]+", "IV=12345", 1)


@fault("DASH-5.8.4.1", entries=(MPD,), of="cbcs")
def the_mpd_does_not_say_what_is_encrypted(package: Path) -> None:
    edit(package / MPD, r"<ContentProtection(?s:.*?)</ContentProtection>|<ContentProtection[^>]*/>", "")


@fault("DASH-5.8.4.1", entries=(MPD,), of="cbcs")
def the_mpd_names_no_scheme(package: Path) -> None:
    edit(package / MPD, "<ContentProtection[^>]*mp4protection[^>]*/>", "")


@fault("DASH-5.8.4.1", entries=(MPD,), of="cbcs")
def the_mpd_names_another_scheme(package: Path) -> None:
    edit(package / MPD, 'value="cbcs"', 'value="cenc"', 1)


@fault("DASH-5.8.4.1", entries=(MPD,))
def the_mpd_says_that_clear_samples_are_encrypted(package: Path) -> None:
    descriptor = '<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cbcs"/>'
    edit(package / MPD, "(<AdaptationSet [^>]*>)", rf"\1{descriptor}", 1)


@fault("TC-KID", entries=(MPD,), of="cbcs")
def the_mpd_names_another_key(package: Path) -> None:
    edit(package / MPD, 'default_KID="[^"]*"', 'default_KID="00000000-0000-0000-0000-000000000000"', 1)


@fault("TC-KID", entries=(MPD,), of="cbcs")
def the_mpd_names_no_key(package: Path) -> None:
    edit(package / MPD, ' [a-z]+:default_KID="[^"]*"', "", 1)


@fault("TC-KID", entries=(MULTIVARIANT,), of="cbcs")
def a_playlist_names_another_key(package: Path) -> None:
    edit(package / "audio.m3u8", "KEYID=0x[0-9a-f]+", f"KEYID=0x{'0' * 32}")


@fault("TC-KID", of="cbcs")
def an_initialisation_section_is_of_another_key(package: Path) -> None:
    patch(package / "240p" / "init.mp4", b"tenc", 8, bytes(16))


# Encrypted whole, looked into with the keys


@fault(SCHEME, entries=(MULTIVARIANT,), of="aes128")
def the_next_key_is_not_named(package: Path) -> None:
    edit(package / "240p.m3u8", r"(#EXT-X-KEY(?s:.*))#EXT-X-KEY.*\n", r"\1")


@fault("TC-WHOLE", entries=(MULTIVARIANT,), of="aes128")
def no_key_is_named(package: Path) -> None:
    edit(package / "240p.m3u8", "^#EXT-X-KEY.*\n", "")


@fault(SCHEME, entries=(MULTIVARIANT,), of="aes128")
def the_iv_is_another(package: Path) -> None:
    edit(package / "360p.m3u8", "^(#EXT-X-KEY.*)", rf"\1,IV=0x{'a' * 32}", 1)


@fault(SCHEME, entries=(MULTIVARIANT,), of="aes128")
def a_segment_was_left_in_the_clear(package: Path) -> None:
    path = package / "240p" / "00002.m4s"
    path.write_bytes((package / "240p" / "init.mp4").read_bytes().ljust(path.stat().st_size, b"\0"))


@fault("TC-FILES", entries=(MULTIVARIANT,), of="aes128")
def an_encrypted_segment_is_missing(package: Path) -> None:
    (package / "360p" / "00002.m4s").unlink()


@fault("APPLE-1.27", entries=(MULTIVARIANT,), of="aes128")
def the_bandwidth_of_encrypted_segments_is_wrong(package: Path) -> None:
    edit(package / MULTIVARIANT, r"^(#EXT-X-STREAM-INF:.*?\bBANDWIDTH)=\d+", r"\g<1>=9000000", 1)


@fault("TC-CODECS", entries=(MULTIVARIANT,), of="aes128")
def the_codecs_of_encrypted_segments_are_wrong(package: Path) -> None:
    edit(package / MULTIVARIANT, r'"avc1\.\w+', '"avc1.640028')


@fault("APPLE-8.1", entries=(MULTIVARIANT,), of="aes128")
def extinf_of_encrypted_segments_lies(package: Path) -> None:
    edit(package / "360p.m3u8", r"EXTINF:2\.0+,", "EXTINF:1.900,", 2)


# What is declared beside what is inside


@fault("TC-CHANNELS", entries=(MULTIVARIANT,))
def channels_are_those_of_another_sound(package: Path) -> None:
    edit(package / MULTIVARIANT, r'CHANNELS="\d"', 'CHANNELS="6"')


@fault("TC-CHANNELS", entries=(MULTIVARIANT,), of="ts")
def channels_are_not_those_of_the_packets(package: Path) -> None:
    edit(package / MULTIVARIANT, r'CHANNELS="\d"', 'CHANNELS="6"')


@fault("DASH-5.3.7.2-sampling", entries=(MPD,))
def the_mpd_has_another_sampling_rate(package: Path) -> None:
    edit(package / MPD, 'audioSamplingRate="48000"', 'audioSamplingRate="22050"')


@fault("DASH-5.8.5.4", entries=(MPD,))
def the_mpd_has_another_number_of_channels(package: Path) -> None:
    edit(package / MPD, r'(<AudioChannelConfiguration [^>]*value=)"\d"', r'\1"6"')


@fault("TC-SCORE", entries=(MULTIVARIANT,))
def a_score_is_no_number(package: Path) -> None:
    edit(package / MULTIVARIANT, r"SCORE=[\d.]+", "SCORE=abc", 1)


@fault("TC-CODECS", entries=(MULTIVARIANT,))
def iframes_are_said_to_be_hevc(package: Path) -> None:
    edit(package / MULTIVARIANT, r'(^#EXT-X-I-FRAME-STREAM-INF:.*CODECS=)"[^"]*"', r'\1"hvc1.1.6.L93.B0"')


@fault("APPLE-9.16", entries=(MULTIVARIANT,))
def iframes_are_said_to_be_hdr(package: Path) -> None:
    edit(package / MULTIVARIANT, r"(^#EXT-X-I-FRAME-STREAM-INF:.*VIDEO-RANGE)=SDR", r"\1=PQ")


@fault("RFC8216-4.3.3.6-duration", entries=(MULTIVARIANT,))
def the_last_iframe_is_left_out(package: Path) -> None:
    edit(package / "240p-iframes.m3u8", r"#EXTINF.*\n#EXT-X-BYTERANGE.*\n.*\n(?=#EXT-X-ENDLIST)", "")


@fault("RFC8216-3.5", "TC-MAP", entries=(MULTIVARIANT,))
def subtitles_are_on_a_clock_far_away(package: Path) -> None:
    for path in (package / "captions-en").iterdir():
        edit(path, r"MPEGTS:\d+", "MPEGTS:9000000")


@fault("TC-MAP", entries=(MULTIVARIANT,), of="ts")
def subtitles_forget_where_a_transport_stream_begins(package: Path) -> None:
    for path in (package / "captions-en").iterdir():
        edit(path, r"MPEGTS:\d+", "MPEGTS:0")


@fault("RFC8216-3.5", entries=(MULTIVARIANT,))
def a_cue_is_in_another_segment_than_its_time(package: Path) -> None:
    edit(package / "captions-en" / "00001.vtt", "^00:00:(.*) --> 00:00:", r"01:00:\1 --> 01:00:")


@fault("APPLE-7.2", entries=(MULTIVARIANT,), of="ts")
def continuity_counters_begin_anew(package: Path) -> None:
    path = package / "240p" / "00002.ts"
    content = bytearray(path.read_bytes())
    for at in range(3, len(content), 188):
        if content[at] & 0x10:
            content[at] = content[at] & 0xF0 | (content[at] + 7) & 15
    path.write_bytes(content)
