"""What a recipe may ask of protection, and what it is told when that makes no sense."""

from __future__ import annotations

from typing import Any

import pytest

from telecine.errors import ConfigurationError
from telecine.recipe import Recipe, parse_recipe


def recipe(protection: Any, *more: dict[str, Any], files: bool = False, **streams: Any) -> Recipe:
    ladder = {"kind": "video_ladder", "rungs": [240], "files": files}
    outputs = [ladder, {"kind": "streams", "protection": protection, **streams}, *more]
    return parse_recipe({"name": "test", "outputs": outputs}, "test")


def test_both_schemes_have_addresses_at_the_gateway() -> None:
    for scheme, more in (("aes128", {"protocols": ["hls"]}), ("cbcs", {})):
        streams = recipe({"scheme": scheme}, **more).streams()
        assert streams is not None
        assert streams.protection is not None
        assert streams.protection.key_uri == "{base}/keys/{partition}/{key_id}"


@pytest.mark.parametrize(
    ("protection", "more", "says"),
    [
        ({"scheme": "aes128"}, {}, "protocols: [hls]"),
        ({"scheme": "aes128"}, {"protocols": ["dash"]}, "protocols: [hls]"),
        ({"scheme": "cbcs"}, {"hls": {"container": "ts"}}, "not MPEG-TS"),
        ({"scheme": "aes128", "rotate_every": 0}, {"protocols": ["hls"]}, "greater than or equal to 1"),
        ({"scheme": "cbcs", "rotate_every": 3}, {}, "rotate_every"),
        ({"scheme": "cenc"}, {}, "cenc"),
        ({"scheme": "cbcs"}, {"files": True}, "set its files: false"),
        ({"scheme": "cbcs", "key_uri": "{base}/keys/all"}, {}, "{key_id} has to stand in it"),
        ({"scheme": "cbcs", "key_uri": "{base}/{secret}/{key_id}"}, {}, "may stand in braces"),
        ({"scheme": "cbcs", "key_uri": "{base.__class__}/{key_id}"}, {}, "may stand in braces"),
        ({"scheme": "cbcs", "key_uri": "file:///{key_id}"}, {}, "https://"),
        ({"scheme": "cbcs", "key_uri": '{base}/"\n{key_id}'}, {}, "has to be a URL"),
        ({"scheme": "cbcs", "licence_uri": "{base}/licence"}, {}, "{partition} has to stand in it"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(protection: Any, more: Any, says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        recipe(protection, **more)
    assert says in refused.value.message


@pytest.mark.parametrize("open_", [{"kind": "audio", "name": "aac", "codec": "aac"}, {"kind": "video", "name": "web"}])
def test_nothing_of_a_protected_recipe_is_published_in_the_clear_beside_it(open_: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="recipe of its own"):
        recipe({"scheme": "cbcs"}, open_)


def test_protection_makes_another_recipe() -> None:
    clear = recipe(None, protocols=["hls"])
    protected = recipe({"scheme": "aes128"}, protocols=["hls"])
    assert clear.hash != protected.hash
