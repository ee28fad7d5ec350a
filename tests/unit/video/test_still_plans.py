"""Plans of stills, storyboards and previews: which moments, which sizes, how many tiles."""

from __future__ import annotations

from typing import Any

import pytest
from facts_made_up import media, video
from hypothesis import given
from hypothesis import strategies as st

from telecine.errors import ConfigurationError
from telecine.probe import VideoFacts
from telecine.recipe import parse_recipe
from telecine.video.missing import missing, outputs_of
from telecine.video.plan import ASSETS, VideoPlan, plan_video
from telecine.video.storyboard_plan import Storyboard

RATE = {"r_fps": 25.0, "avg_fps": 25.0, "measured_fps": 25.0, "typical_fps": 25.0}
EVERY = {name: ("video/thumbnails", name) for name in ("a-1", "a-2", "preview", "storyboard")}


def plan(*outputs: dict[str, Any], picture: VideoFacts | None = None) -> VideoPlan:
    recipe = parse_recipe({"name": "x", "outputs": list(outputs)}, "test")
    return plan_video(media(picture or video(end_s=100.0, **RATE), None), recipe)


def stills(picture: VideoFacts | None = None, **fields: Any) -> list[tuple[str, float, int, int]]:
    made = plan({"kind": "video_still", **fields}, picture=picture).stills
    return [(still.name, still.offset_s, still.width, still.height) for still in made]


def storyboard(duration_s: float, picture: dict[str, Any] | None = None, **fields: Any) -> Storyboard:
    made = plan({"kind": "storyboard", **fields}, picture=video(end_s=duration_s, **RATE, **(picture or {}))).storyboard
    assert made is not None
    return made


def test_a_poster_is_large_and_thumbnails_are_small() -> None:
    assert stills(offsets=3) == [("poster", 3.0, 1280, 720)]
    assert stills(name="t", offsets=[0, "50%", 7.52]) == [
        ("t-1", 0.0, 320, 180),
        ("t-2", 50.0, 320, 180),
        ("t-3", 7.52, 320, 180),
    ]
    assert stills(offsets={"start": "1%", "end": "100%"}, width=100) == [
        ("start", 1.0, 100, 56),
        ("end", 99.96, 100, 56),
    ]
    assert [name for name, *_ in stills(name="t", auto=3)] == ["t-1", "t-2", "t-3"]


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [
        ((1920, 1080), (320, 180, "fit"), (320, 180)),
        ((1080, 1920), (320, 180, "fit"), (102, 180)),
        ((1920, 1080), (150, 150, "crop"), (150, 150)),
        ((1920, 1080), (225, 151, "crop"), (225, 151)),
        ((160, 120), (320, 180, "fit"), (160, 120)),
        ((160, 120), (400, 200, "crop"), (160, 80)),
    ],
)
def test_a_still_stays_in_its_box_and_is_never_enlarged(
    size: tuple[int, int], box: tuple[int, int, str], expected: tuple[int, int]
) -> None:
    picture = video(end_s=100.0, **RATE, width=size[0], height=size[1])
    [still] = plan({"kind": "video_still", "width": box[0], "height": box[1], "mode": box[2]}, picture=picture).stills
    assert (still.width, still.height) == expected
    assert still.scaled[0] >= still.width
    assert still.scaled[1] >= still.height
    assert [side % 2 for side in still.scaled] == [0, 0]


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(16, 4096), st.integers(16, 4096))
def test_a_crop_is_always_inside_of_its_frame(width: int, height: int, across: int, down: int) -> None:
    picture = video(end_s=1.0, **RATE, width=width, height=height)
    asked = {"kind": "video_still", "width": across, "height": down, "mode": "crop"}
    [still] = plan(asked, picture=picture).stills
    assert 1 <= still.width <= min(across, still.scaled[0])
    assert 1 <= still.height <= min(down, still.scaled[1])


@given(st.floats(0, 200, allow_nan=False), st.sampled_from([24000 / 1001, 25.0, 30000 / 1001, 50.0]))
def test_a_still_shows_the_frame_that_is_on_the_screen_at_its_time(offset: float, rate: float) -> None:
    fps = {"r_fps": rate, "avg_fps": rate, "measured_fps": rate, "typical_fps": rate}
    made = plan({"kind": "video_still", "offset_s": offset}, picture=video(end_s=100.0, **fps))
    [still] = made.stills
    clock = made.timing
    if offset < clock.duration_s:
        assert float(still.frame / clock.fps) <= offset + 0.0001
        assert float((still.frame + 1) / clock.fps) >= offset
    else:
        assert still.frame == clock.frames - 1


def test_only_times_behind_the_end_are_warned_of() -> None:
    def warning(**fields: Any) -> str | None:
        return plan({"kind": "video_still", **fields}).stills[0].warning

    assert warning(offset_s=100.0) is None
    assert warning(offsets="100%") is None
    assert warning() is None
    assert warning(offset_s=100.1) == "poster: asked for 100.1 s of a video of 100.000 s; its end was taken."


def test_a_storyboard_has_a_tile_a_second_and_fewer_when_the_video_is_long() -> None:
    intervals = {s: storyboard(s).interval_s for s in (4.0, 300.0, 600.0, 3600.0, 36000.0, 86000.0)}
    assert intervals == {4.0: 1, 300.0: 1, 600.0: 2, 3600.0: 10, 36000.0: 90, 86000.0: 240}
    assert all(storyboard(s).count <= 400 for s in intervals)


def test_a_short_storyboard_is_one_sheet_of_the_size_it_needs() -> None:
    board = storyboard(7.2)
    assert (board.count, board.columns, board.rows, board.sheet_files) == (8, 5, 2, ("storyboard/001.jpg",))
    assert (board.tile_width, board.tile_height, board.sheet_size) == (160, 90, (800, 180))
    assert storyboard(0.04).sheet_size == (160, 90)


def test_the_tiles_of_a_portrait_video_are_upright() -> None:
    assert storyboard(5.0, {"width": 1080, "height": 1920}).sheet_size == (450, 160)
    assert storyboard(5.0, {"rotation": 90}).sheet_size == (450, 160)


def test_what_is_asked_of_a_storyboard_is_bounded() -> None:
    assert (storyboard(100, count=7).count, storyboard(100, interval_s=3.3).count) == (7, 31)
    many = storyboard(36000.0, interval_s=1)
    assert (many.count, many.interval_s) == (2000, 18.0)
    assert many.warning == "storyboard: more than 2000 tiles were asked for; there is one every 18 s."
    large = storyboard(36000.0, interval_s=10, tile_width=640, tile_height=360)
    assert large.count * large.tile_width * large.tile_height <= 100e6
    assert storyboard(2.0, count=2000).count == 50, "never more than frames"


@given(st.floats(0.04, 86400), st.integers(1, 20), st.integers(1, 20), st.one_of(st.none(), st.floats(0.1, 3600)))
def test_every_tile_has_a_place_on_a_sheet(duration: float, columns: int, rows: int, interval: float | None) -> None:
    board = storyboard(duration, columns=columns, rows=rows, interval_s=interval)
    assert (board.count - 1) * board.interval_s < board.duration_s + 0.001
    assert board.count * board.interval_s >= board.duration_s - 0.001
    places = [board.place(tile) for tile in range(board.count)]
    assert len(set(places)) == board.count
    assert {sheet for sheet, _, _ in places} == set(board.sheet_files)
    width, height = board.sheet_size
    assert all(x + board.tile_width <= width and y + board.tile_height <= height for _, x, y in places)


def test_a_preview_is_never_longer_than_its_video() -> None:
    [whole] = plan({"kind": "animated_preview"}).previews
    assert (whole.frames, whole.cuts, whole.duration_s, whole.scaled) == (30, 1, 3.0, (320, 180))
    [cuts] = plan({"kind": "animated_preview", "cuts": 3}).previews
    assert (cuts.frames, cuts.cuts, cuts.duration_s) == (10, 3, 3.0)
    [short] = plan({"kind": "animated_preview", "cuts": 6}, picture=video(end_s=1.2, **RATE)).previews
    assert short.duration_s == pytest.approx(1.2)
    [late] = plan({"kind": "animated_preview", "offset_s": 99}).previews
    assert late.offset_s == 97.0


def test_pictures_that_are_there_are_not_made_again() -> None:
    whole = plan({"kind": "video_still", "name": "a", "auto": 2}, {"kind": "storyboard"}, {"kind": "animated_preview"})
    assert outputs_of(whole) == {("video/metadata", "metadata"), *EVERY.values()}
    for name, place in EVERY.items():
        left_plan, left = missing(whole, ASSETS, outputs_of(whole) - {place})
        assert left == {place}
        kept = [picture.name for picture in (*left_plan.stills, *left_plan.previews)]
        kept += [left_plan.storyboard.name] if left_plan.storyboard else []
        assert kept == [name]


def test_a_still_chosen_for_content_is_the_same_one_when_it_is_made_alone() -> None:
    whole = plan({"kind": "video_still", "name": "a", "auto": 2})
    left_plan, _ = missing(whole, ASSETS, outputs_of(whole) - {EVERY["a-2"]})
    [still] = left_plan.stills
    assert (still.rank, still.of) == (1, 2)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"kind": "video_still", "offset_s": 1, "auto": 2}, "give one of 'offset_s', 'offsets' and 'auto'"),
        ({"kind": "video_still", "offsets": [-1]}, "greater than or equal to 0"),
        ({"kind": "video_still", "offsets": "101%"}, "pattern"),
        ({"kind": "video_still", "mode": "crop", "width": 100}, "'crop' needs both"),
        ({"kind": "video_still", "offset": 3}, "did you mean 'offsets'?"),
        ({"kind": "storyboard", "interval_s": 1, "count": 3}, "not both"),
        ({"kind": "storyboard", "tile_width": 640, "columns": 10}, "more than 4096 pixels"),
        ({"kind": "animated_preview", "cuts": 2, "offset_s": 1}, "for one cut"),
        ({"kind": "storyboard", "interval": 3}, "did you mean 'interval_s'?"),
    ],
)
def test_pictures_that_can_not_be_are_refused_by_name(output: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match="recipe test") as caught:
        plan(output)
    assert said in caught.value.message


def test_pictures_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two outputs are named 'a-1'"):
        plan({"kind": "video_still", "name": "a", "auto": 2}, {"kind": "animated_preview", "name": "a-1"})
    with pytest.raises(ConfigurationError, match="one storyboard"):
        plan({"kind": "storyboard"}, {"kind": "storyboard", "name": "b"})


def test_a_recipe_with_pictures_survives_the_ledger() -> None:
    offsets = [{"name": "a", "offsets": [1, "5%"]}, {"offsets": {"b": 2.5}}, {"name": "c", "offsets": "7%"}]
    recipe = parse_recipe({"name": "x", "outputs": [{"kind": "video_still", **o} for o in offsets]}, "test")
    again = parse_recipe(recipe.model_dump(mode="json"), "test")
    assert again == recipe
    assert again.hash == recipe.hash
