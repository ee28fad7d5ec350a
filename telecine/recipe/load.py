"""Where recipes come from: presets in this package, or a YAML file somebody wrote."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from telecine.errors import ConfigurationError, ErrorCode
from telecine.recipe.model import Recipe, parse_recipe
from telecine.recipe.presets import preset_data, preset_names


@cache
def _preset(name: str) -> Recipe:
    return parse_recipe(preset_data(name), name)


def load_recipe(name_or_path: str) -> Recipe:
    """A preset by name, or a recipe file by path (anything with a `/`, or ending in .yaml, .yml or .json).

    Raises:
        ConfigurationError: INVALID_RECIPE when there is no such preset or file, or it doesn't validate.
    """
    if name_or_path in preset_names():
        return _preset(name_or_path)
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml", ".json") and "/" not in name_or_path:
        raise ConfigurationError(
            ErrorCode.INVALID_RECIPE,
            f"no recipe named {name_or_path!r}; presets: {', '.join(preset_names())}; or give a path to a .yaml file",
        )
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as e:
        raise ConfigurationError(ErrorCode.INVALID_RECIPE, f"recipe {path}: {e.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigurationError(ErrorCode.INVALID_RECIPE, f"recipe {path}: not YAML", str(e)) from None
    return parse_recipe(data, str(path))
