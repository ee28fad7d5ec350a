"""The one language of outputs: every front door compiles into a `Recipe`."""

from telecine.recipe.load import load_recipe
from telecine.recipe.model import OutputSpec, Recipe, parse_recipe
from telecine.recipe.presets import preset_names

__all__ = ["OutputSpec", "Recipe", "load_recipe", "parse_recipe", "preset_names"]
