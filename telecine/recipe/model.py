"""The recipe itself: a named list of outputs, with a content hash that decides what is stale."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from telecine.errors import ConfigurationError, ErrorCode
from telecine.recipe.base import SpecModel
from telecine.recipe.image import ImageOutput
from telecine.recipe.video import AudioRendition, Streams, VideoLadder, VideoStill

OutputSpec = Annotated[ImageOutput | VideoLadder | Streams | VideoStill | AudioRendition, Field(discriminator="kind")]


class Recipe(SpecModel):
    """What to make from a media file; outputs for other kinds of media are simply not used."""

    schema_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    description: str = ""
    outputs: Annotated[tuple[OutputSpec, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Recipe:
        seen: set[tuple[str, str]] = set()
        for output in self.outputs:
            place = (getattr(output, "asset", output.kind), getattr(output, "name", output.kind))
            if place in seen:
                raise ValueError(f"two outputs are named {place[1]!r} in {place[0]!r}; give each its own name")
            seen.add(place)
        files = Counter((o.asset, o.file_name) for o in self.outputs if isinstance(o, ImageOutput))
        if files and files.most_common(1)[0][1] > 1:
            raise ValueError(f"two outputs would both be written to {'/'.join(files.most_common(1)[0][0])!r}")
        if any(isinstance(o, Streams) for o in self.outputs) and not any(
            isinstance(o, VideoLadder) for o in self.outputs
        ):
            raise ValueError("'streams' needs a 'video_ladder' output to be packaged from; add one")
        return self

    @property
    def hash(self) -> str:
        """First 16 hex digits of SHA-256 over what changes outputs.

        Name and description are left out, and so are values equal to their default: writing a default down,
        renaming a recipe, or a release that adds a field makes nothing stale.
        """
        content = self.model_dump(mode="json", exclude={"name", "description"}, exclude_defaults=True)
        # exclude_defaults drops a discriminator never: `kind` has no default.
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def images(self) -> tuple[ImageOutput, ...]:
        """Outputs for images, in recipe order."""
        return tuple(o for o in self.outputs if isinstance(o, ImageOutput))


def parse_recipe(data: Any, origin: str) -> Recipe:
    """Validate a recipe that came from outside.

    Raises:
        ConfigurationError: INVALID_RECIPE, naming `origin`, every field and reason.
    """
    try:
        return Recipe.model_validate(data)
    except ValidationError as e:
        raise ConfigurationError(ErrorCode.INVALID_RECIPE, f"recipe {origin}: {'; '.join(_reasons(e))}") from None


def _reasons(error: ValidationError) -> Iterable[str]:
    for problem in error.errors(include_url=False):
        place = ".".join(str(p) for p in problem["loc"]) or "recipe"
        yield f"{place}: {problem['msg']}"
