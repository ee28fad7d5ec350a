"""Which of several frames is the picture of a video: drawn frames, measured and rated."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from telecine.video.frame_score import Look, choose, look_at, scores, shows_nothing

WIDTH, HEIGHT = 320, 180


def scene(seed: int = 1, *, light: float = 1.0, blur: int = 0, grey: bool = False) -> NDArray[np.uint8]:
    """Coloured shapes of every size on a gradient: much like a film, and the same for the same seed."""
    chance = np.random.default_rng(seed)
    picture = Image.linear_gradient("L").resize((WIDTH, HEIGHT)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y, size = chance.integers(0, WIDTH), chance.integers(0, HEIGHT), chance.integers(4, 60)
        draw.ellipse((x, y, x + size, y + size), fill=tuple(int(c) for c in chance.integers(20, 255, 3)))
    if blur:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    if grey:
        picture = picture.convert("L").convert("RGB")
    return (np.asarray(picture) * light).clip(0, 255).astype(np.uint8)


def credits() -> NDArray[np.uint8]:
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(picture)
    for line in range(12):
        draw.text((60 + line % 3 * 10, 4 + line * 15), "Somebody Nobody Knows   Best Boy", fill="white")
    return np.asarray(picture)


def flat(value: int) -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), value, dtype=np.uint8)


def looks(*pictures: NDArray[np.uint8]) -> list[Look]:
    return [look_at(number, picture) for number, picture in enumerate(pictures)]


@pytest.mark.parametrize(
    "worse",
    [flat(0), flat(3), flat(255), flat(128), scene(2, light=0.1), scene(2, light=0.4), scene(2, blur=4), credits()],
    ids=["black", "nearly black", "white", "grey", "faded", "half faded", "blurred", "credits"],
)
def test_a_clear_frame_is_preferred(worse: NDArray[np.uint8]) -> None:
    rated = scores(looks(scene(1), worse, scene(3)))
    assert rated[1] < 0.75 * min(rated[0], rated[2])


def test_frames_of_a_film_in_black_and_white_are_rated_too() -> None:
    rated = scores(looks(scene(1, grey=True), flat(0), scene(2, grey=True, blur=4)))
    assert rated[0] > 0.5
    assert rated[0] > 2 * rated[2] > rated[1] == 0.0


def test_where_all_is_bad_something_is_chosen() -> None:
    assert choose(looks(flat(0), flat(0), flat(0)), 1) == [0]
    assert choose(looks(flat(0), credits(), flat(0)), 1) == [1]
    assert choose([], 1) == []
    assert choose(looks(flat(0)), 3) == [0]


def test_several_pictures_are_of_several_shots() -> None:
    shots = [scene(seed) for seed in (1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3)]
    chosen = choose(looks(*shots), 3)
    assert chosen == sorted(chosen)
    assert [number for number in chosen if number < 5] == chosen[:1]
    assert 5 <= chosen[1] < 8 <= chosen[2]


def test_pictures_of_one_long_shot_are_spread() -> None:
    chosen = choose(looks(*[scene(1, light=0.97 + n % 3 * 0.01) for n in range(40)]), 4)
    assert len(chosen) == 4
    assert [number // 10 for number in chosen] == [0, 1, 2, 3]


def test_the_same_frames_give_the_same_choice() -> None:
    film = looks(*[scene(seed % 7) for seed in range(30)])
    assert choose(film, 5) == choose(film, 5)


def test_letterboxes_do_not_count() -> None:
    boxed = scene(1).copy()
    boxed[: HEIGHT // 8], boxed[-(HEIGHT // 8) :] = 0, 0
    plain, in_box = looks(scene(1), boxed)
    assert in_box.mean == plain.mean


def test_only_a_black_frame_shows_nothing() -> None:
    assert [shows_nothing(look) for look in looks(flat(0), flat(20), credits(), scene(1), flat(255))] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_the_smallest_frame_can_be_measured() -> None:
    assert look_at(0, np.zeros((2, 2, 3), dtype=np.uint8)).edges == 0.0
