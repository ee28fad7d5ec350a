"""The presets that ship with Telecine, as plain data."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml

_FOLDER = resources.files("telecine.recipe") / "presets"


@cache
def preset_names() -> tuple[str, ...]:
    """Names of the recipes that ship with Telecine."""
    return tuple(sorted(f.name.removesuffix(".yaml") for f in _FOLDER.iterdir() if f.name.endswith(".yaml")))


@cache
def preset_data(name: str) -> Any:
    """A preset as its YAML says it; not to be changed by the caller."""
    return yaml.safe_load((_FOLDER / f"{name}.yaml").read_text())


@cache
def output_presets() -> tuple[str, ...]:
    """Presets with one image output, which an output of a recipe can start from."""
    return tuple(n for n in preset_names() if len(_images(n)) == 1)


def output_preset(name: object) -> dict[str, Any]:
    """The one image output of such a preset.

    Raises:
        ValueError: there is none of that name; the message lists all.
    """
    if name not in output_presets():
        raise ValueError(f"no preset is named {name!r}; presets for an image output: {', '.join(output_presets())}")
    return dict(_images(str(name))[0])


def _images(name: str) -> list[dict[str, Any]]:
    return [output for output in preset_data(name)["outputs"] if output["kind"] == "image"]
