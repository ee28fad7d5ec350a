"""The one language of outputs: every front door compiles into a `Recipe`."""

from telecine.recipe.load import load_recipe, preset_names
from telecine.recipe.model import OutputSpec, Recipe, parse_recipe

__all__ = ["OutputSpec", "Recipe", "load_recipe", "parse_recipe", "preset_names"]
