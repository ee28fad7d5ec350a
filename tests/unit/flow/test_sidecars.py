"""Which objects are captions of a video, and what they become in its plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telecine.config import Rule
from telecine.errors import ErrorCode, InputError
from telecine.probe import SubtitleFacts
from telecine.probe.labels import subtitle_kind
from telecine.sidecar import sidecar_of, unused
from telecine.stream.tracks import language_name
from telecine.video.captions import CaptionFile, plan_captions, readable


@pytest.mark.parametrize(
    ("candidate", "found"),
    [
        ("films/clip.vtt", (None, False, False)),
        ("films/clip.en.vtt", ("en", False, False)),
        ("films/clip.pt-BR.SDH.srt", ("pt-BR", False, True)),
        ("films/clip.en.forced.VTT", ("en", True, False)),
        ("films/clip.mp4.de.srt", ("de", False, False)),
        ("films/clip.cc.vtt", (None, False, True)),
        ("films/clip.hi.srt", ("hi", False, False)),
        ("films/clip.hi.sdh.srt", ("hi", False, True)),
        ("films/clip.en.hi.srt", ("en", False, True)),
        ("films/clip.en-forced.srt", ("en", True, False)),
        ("films/clip.pt-BR_SDH.srt", ("pt-BR", False, True)),
        ("films/clip.en.default.srt", ("en", False, False)),
        ("films/clip.zh-yue.srt", ("zh-yue", False, False)),
        ("films/clip.en-XX.vtt", ("en-XX", False, False)),
    ],
)
def test_a_sidecar_says_language_and_kind_in_its_name(candidate: str, found: tuple[str | None, bool, bool]) -> None:
    file = sidecar_of("films/clip.mp4", candidate)
    assert file is not None
    assert (file.language, file.forced, file.sdh) == found


@pytest.mark.parametrize(
    "candidate",
    [
        "films/clip2.vtt",
        "films/clip.part2.vtt",
        "clip.en.vtt",
        "films/clip.en.de.vtt",
        "films/clip.en.txt",
        "films/clip",
    ],
)
def test_other_files_are_no_sidecars(candidate: str) -> None:
    assert sidecar_of("films/clip.mp4", candidate) is None


def test_ass_files_are_sidecars_too() -> None:
    found = [sidecar_of("clip.mp4", name) for name in ("clip.en.ass", "clip.de.SSA")]
    assert [(f.format, f.language) for f in found if f] == [("ass", "en"), ("ass", "de")]


def test_caption_files_that_cannot_be_used_are_told_from_those_of_other_videos() -> None:
    beside = ["clip.mp4", "clip.en.vtt", "clip.English.srt", "clip.de.ttml", "clip.part2.mp4", "clip.part2.fr.vtt"]
    beside += ["clip.part3.vtt", "clip.nfo", "clip.jpg"]
    expected = ("clip.English.srt", "clip.de.ttml", "clip.part3.vtt")
    assert unused("clip.mp4", beside) == expected
    assert unused("a.b/clip.mp4", [f"a.b/{name}" for name in beside]) == tuple(f"a.b/{name}" for name in expected)


def test_a_language_without_a_locale_of_its_own_has_the_name_of_its_family() -> None:
    assert [language_name(tag) for tag in ("zh-yue", "en-XX", "part2-en", "qq-XX")] == ["中文", "English", None, None]


def a_track(index: int, codec: str, language: str | None, **more: Any) -> SubtitleFacts:
    return SubtitleFacts(index=index, codec=codec, language=language, kind=subtitle_kind(codec), packets=1, **more)


def test_captions_never_become_jobs_of_their_own() -> None:
    rule = Rule(bucket="in")
    assert [rule.matches(key) for key in ("a/clip.mp4", "a/clip.en.vtt", "clip.SRT")] == [True, False, False]


def test_a_file_replaces_the_track_of_its_language_and_kind_and_pictures_are_reported() -> None:
    tracks = [
        a_track(2, "subrip", "eng"),
        a_track(3, "ass", "ger", title="Schilder", forced=True),
        a_track(4, "hdmv_pgs_subtitle", "fre"),
        a_track(5, "mov_text", "eng", hearing_impaired=True),
        a_track(6, "mov_text", "eng", hearing_impaired=True),
        a_track(7, "dvb_teletext", None),
    ]
    captions, warnings = plan_captions(tracks, [CaptionFile("clip.en.vtt", "/x", "vtt", "en")])
    assert [(c.rendition.name, c.rendition.label, c.rendition.role, c.index, c.format) for c in captions] == [
        ("captions-en", "English", "subtitle", None, "vtt"),
        ("captions-de-forced", "Schilder", "forced-subtitle", 3, "ass"),
        ("captions-en-sdh", "English (SDH)", "caption", 5, "srt"),
        ("captions-en-sdh-2", "English (SDH) 4", "caption", 6, "srt"),
    ]
    assert warnings == (
        "Subtitle track 2 (eng) was replaced by the caption file beside the source.",
        "Subtitle track 4 (fre) holds pictures (PGS) and is not among the captions: only text can be.",
        "Subtitle track 7 (no language) is of a kind that can't be read (dvb_teletext) and is not among the captions: "
        "only text can be.",
    )


def test_a_caption_file_that_does_not_parse_is_an_error_or_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.vtt").write_text("WEBVTT\n\n00:01.000 --> nonsense\nHi\n")
    file = CaptionFile("clip.en.vtt", str(tmp_path / "a.vtt"), "vtt", "en")
    with pytest.raises(InputError, match=r"clip\.en\.vtt, line 3: not the times of a cue") as caught:
        readable([file], required=True)
    assert caught.value.code is ErrorCode.INVALID_CAPTIONS
    good, warnings = readable([file], required=False)
    assert good == ()
    assert "line 3" in warnings[0]
