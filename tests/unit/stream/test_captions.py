"""Caption files: read strictly, moved onto the clock, cut into segments."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from telecine.stream import caption_file, webvtt
from telecine.stream.captions import write_segments
from telecine.stream.hls import parse_media
from telecine.stream.tracks import Rendition, Text, labelled, language_name, language_tag
from telecine.stream.webvtt import CaptionFault, Captions, Cue, on_clock, parse, render, segments

VTT = """\ufeffWEBVTT - made up

STYLE
::cue { color: yellow }

NOTE nobody reads this

1
00:01.000 --> 00:00:07.500 line:0 align:start
- Hello &amp; <i>welcome</i>
- Two lines

00:00:12.000 --> 00:00:13.000
There
"""
SRT = """1
00:00:01,000 --> 00:00:02,500
{\\an8}Fish & <b>chips</b> <font color="red">1 < 2</font>

2
00:00:03,000 --> 00:00:04,000
Two
lines
"""
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,20,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1
Style: Sign,Arial,20,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,-1,0,0,100,100,0,0,1,2,2,8,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not shown
Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\\pos(1,2)}One\\NTwo, three
Dialogue: 0,0:00:01.00,0:00:02.00,Sign,,0,0,0,,Keep out
Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,{\\p1}m 0 0 l 10 10{\\p0}
"""


def _read(tmp_path: Path, text: str | bytes, format_: str) -> tuple[Captions, tuple[str, ...]]:
    path = tmp_path / f"x.{format_}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return caption_file.read(path, format_)


def test_webvtt_keeps_positions_styles_and_markup(tmp_path: Path) -> None:
    captions, warnings = _read(tmp_path, VTT, "vtt")
    assert captions == Captions(
        (
            Cue(1.0, 7.5, "- Hello &amp; <i>welcome</i>\n- Two lines", "line:0 align:start", "1"),
            Cue(12.0, 13.0, "There"),
        ),
        ("STYLE\n::cue { color: yellow }",),
    )
    assert warnings == ()
    assert parse(render(captions)) == captions


def test_subrip_becomes_webvtt_with_its_text_escaped(tmp_path: Path) -> None:
    captions, _ = _read(tmp_path, SRT.replace("\n", "\r\n"), "srt")
    assert captions.cues == (
        Cue(1.0, 2.5, "Fish &amp; <b>chips</b> 1 &lt; 2", "line:0"),
        Cue(3.0, 4.0, "Two\nlines"),
    )


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("{laughs} Hello", "{laughs} Hello"),
        ("{laughs}", "{laughs}"),
        (r"C:\new\home", r"C:\new\home"),
        ("Tom &amp; Jerry &lt;3 AT&T", "Tom &amp; Jerry &lt;3 AT&amp;T"),
        ("5 <3 you", "5 &lt;3 you"),
        ("<I>one <b>two</I> three</b> four", "<i>one </i><b><i>two</i></b><b> three</b> four"),
        ("<i>never closed\ntwo", "<i>never closed\ntwo</i>"),
        (r"{\i1}One{\i0}<br/>two<s>three</s>", "One\ntwothree"),
        ("before\n \n\nafter", "before\nafter"),
        ("Ten\n9", "Ten\n9"),
    ],
)
def test_subrip_loses_no_words(tmp_path: Path, said: str, text: str) -> None:
    cue = f"00:00:01,000 --> 00:00:02,000\n{said}\n"
    last, _ = _read(tmp_path, f"1\n{cue}", "srt")
    assert [c.text for c in last.cues] == [text]
    first, _ = _read(tmp_path, f"1\n{cue}\n2\n00:00:03,000 --> 00:00:04,000\nnext\n", "srt")
    assert [c.text for c in first.cues] == [text, "next"]
    assert parse(render(first)) == first


@pytest.mark.parametrize(
    ("written", "cues"),
    [
        ("00:01.000 --> 00:02.000\none\n \ntwo\n", [Cue(1, 2, "one\n \ntwo")]),
        (
            "00:01.000 --> 00:02.000\none\n \n2\n00:03.000 --> 00:04.000\ntwo\n",
            [Cue(1, 2, "one"), Cue(3, 4, "two", "", "2")],
        ),
        ("  \n\n00:01.000 --> 00:02.000\none\n\n \n", [Cue(1, 2, "one")]),
        ("1:00:01.000 --> 1:00:02.000\none\n", [Cue(3601, 3602, "one")]),
        ("00:01.000-->00:02.000 line:0\none\n", [Cue(1, 2, "one", "line:0")]),
    ],
)
def test_what_players_accept_as_webvtt_is_read(tmp_path: Path, written: str, cues: list[Cue]) -> None:
    captions, _ = _read(tmp_path, f"WEBVTT\n\n{written}", "vtt")
    assert list(captions.cues) == cues
    assert parse(render(captions)) == captions


def test_ass_loses_its_looks_but_no_words(tmp_path: Path) -> None:
    captions, _ = _read(tmp_path, ASS, "ass")
    assert captions.cues == (Cue(1.0, 2.0, "<i>Keep out</i>", "line:0"), Cue(5.0, 6.0, "One\nTwo, three"))


@pytest.mark.parametrize(
    ("format_", "text", "line", "reason"),
    [
        ("vtt", "00:01.000 --> 00:02.000\nHi\n", 1, "starts with the word WEBVTT"),
        ("vtt", "WEBVTT\n\n00:01.000 -> 00:02.000\nHi\n", 3, "without a line of times"),
        ("vtt", "WEBVTT\n\n00:01.000 --> 0:02\nHi\n", 3, "not the times of a cue"),
        ("vtt", "WEBVTT\n\nNOTE x\n\n7\n00:05.000 --> 00:02.000\nHi\n", 6, "ends before it starts"),
        ("vtt", "WEBVTT\n00:01.000 --> 00:02.000\nHi\n", 2, "blank line is missing"),
        ("vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n00:03.000 --> 00:04.000\nHo\n", 5, "blank line is missing"),
        ("vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nGr\xfc\xdfe\n", 4, "not UTF-8"),
        ("srt", "1\n00:00:01,000 --> 00:00:02\nHi\n", 2, "not the times of a cue"),
        ("srt", "1\n00:00:05,000 --> 00:00:02,000\nHi\n", 2, "ends before it starts"),
        ("srt", "Hello\n00:00:01,000 --> 00:00:02,000\nHi\n", 1, "text before the first line of times"),
        ("srt", "", 1, "no line of times"),
        ("srt", b"1\n\x00\x01\x02", 2, "not text"),
        ("ass", "nothing of the kind", 1, "[Events]"),
    ],
)
def test_a_file_that_does_not_parse_is_refused_with_line_and_reason(
    tmp_path: Path, format_: str, text: str | bytes, line: int, reason: str
) -> None:
    with pytest.raises(CaptionFault) as caught:
        _read(tmp_path, text, format_)
    assert caught.value.line == line
    assert reason in caught.value.reason


@example(b"\x1cSTYLE\n00:01.000 --> 00:02.000\n", "vtt")  # a space to Python, none to WebVTT
@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(caption_file.FORMATS))
def test_any_bytes_are_read_or_refused_by_line(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any.{kind}"
    path.write_bytes(
        {"vtt": b"WEBVTT\n\n", "srt": b"1\n00:00:01,000 --> 00:00:02,000\n", "ass": b"[Events]\n"}[kind] + data
    )
    try:
        captions, _ = caption_file.read(path, kind)
    except CaptionFault as e:
        captions = Captions((Cue(0, e.line, "refused"),))  # a line before the first would be no cue
    assert parse(render(captions)).cues == captions.cues


def test_an_old_subrip_file_is_read_as_windows_1252_with_a_warning(tmp_path: Path) -> None:
    captions, warnings = _read(tmp_path, "1\n00:00:01,000 --> 00:00:02,000\nGrüße\n".encode("cp1252"), "srt")
    assert captions.cues[0].text == "Grüße"
    assert warnings == ("line 3 isn't UTF-8: the file was read as Windows-1252",)


def test_cues_are_moved_and_cut_at_both_ends() -> None:
    captions = Captions((Cue(0, 1, "before"), Cue(1.5, 3, "begins"), Cue(9, 20, "ends"), Cue(12, 13, "after")))
    assert [(c.start_s, c.end_s, c.text) for c in on_clock(captions, -2.0, 8.0).cues] == [
        (0.0, 1.0, "begins"),
        (7.0, 8.0, "ends"),
    ]


def test_a_cue_is_repeated_in_every_segment_that_it_reaches_into(tmp_path: Path) -> None:
    captions = parse(VTT.lstrip("\ufeff"))
    documents = list(segments(captions, [6.0, 6.0, 6.0, 2.0]))
    assert [len(parse(d.replace("\nX-TIMESTAMP-MAP", " X", 1)).cues) for d in documents] == [1, 1, 1, 0]
    assert all(d.startswith("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\nSTYLE") for d in documents)
    assert "00:00:01.000 --> 00:00:07.500 line:0" in documents[0]
    assert "00:00:01.000 --> 00:00:07.500 line:0" in documents[1]
    (tmp_path / "out").mkdir()
    write_segments(Text(Rendition("captions-en"), captions), tmp_path / "out", [6.0, 6.0, 6.0, 2.0], 1.0)
    playlist = parse_media((tmp_path / "out" / "captions-en.m3u8").read_text())
    assert (playlist.duration_s, len(playlist.segments), playlist.ended) == (20.0, 4, True)
    assert (
        (tmp_path / "out" / "captions-en" / "00004.vtt").read_text().startswith("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:90000,")
    )


@pytest.mark.parametrize(
    ("given_", "tag", "name"),
    [("ger", "de", "Deutsch"), ("eng", "en", "English"), ("pt-BR", "pt-BR", "Português (Brasil)"), (None, "und", None)],
)
def test_languages_are_said_shortly_and_named_in_themselves(given_: str | None, tag: str, name: str | None) -> None:
    assert language_tag(given_) == tag
    assert language_name(tag) == name


def test_labels_tell_tracks_apart() -> None:
    tracks = [Rendition("a", "en"), Rendition("b", "en"), Rendition("c", "en", role="caption"), Rendition("d")]
    labels = [r.label for r in labelled(tracks, [None, None, None, 'Director="x", uncut'])]
    assert labels == ["English", "English 2", "English (SDH)", "Director x uncut"]


def test_a_label_with_a_number_is_not_given_twice() -> None:
    labels = [r.label for r in labelled([Rendition(name) for name in "abc"], ["German 3", "German", "German"])]
    assert labels == ["German 3", "German", "German 4"]


@pytest.mark.parametrize("longest_s", [2.5, 4.5, 6.499, 6.5])
def test_the_target_duration_of_captions_is_rounded_as_that_of_pictures(tmp_path: Path, longest_s: float) -> None:
    write_segments(Text(Rendition("captions-en"), Captions(())), tmp_path, [longest_s, 2.0], 0.0)
    playlist = parse_media((tmp_path / "captions-en.m3u8").read_text())
    assert playlist.target_duration_s == int(longest_s + 0.5)
    assert playlist.duration_s == longest_s + 2.0


def test_times_are_written_to_the_thousandth() -> None:
    assert "10:00:59.999 --> 10:01:00.000" in webvtt.render(Captions((Cue(36059.9994, 36059.9996, "x"),)))
