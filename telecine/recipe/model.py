"""The recipe itself: a named list of outputs, with a content hash that decides what is stale."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

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
    keep_details: bool = Field(
        False, description="Images: store the whole EXIF as JSON in the private bucket, never beside the manifest."
    )
    allow_truncated: bool = Field(
        False, description="Images: make what can be made of a file whose end is missing, with a warning."
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Recipe:
        seen: set[tuple[str, str]] = set()
        pictures = self.images()
        for output in (*pictures, *(o for o in self.outputs if not isinstance(o, ImageOutput))):
            place = (getattr(output, "asset", output.kind), getattr(output, "name", output.kind))
            if place in seen:
                raise ValueError(f"two outputs are named {place[1]!r} in {place[0]!r}; give each its own name")
            seen.add(place)
        files = Counter((o.asset, o.file_name) for o in pictures)
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
        """Outputs for images in recipe order, sets taken apart."""
        whole_file = {flag: True for flag in ("keep_details", "allow_truncated") if getattr(self, flag)}
        singles = (single for o in self.outputs if isinstance(o, ImageOutput) for single in o.pictures())
        return tuple(single.model_copy(update=whole_file) if whole_file else single for single in singles)


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
    problems = error.errors(include_url=False)
    # An output that is wrong isn't counted, and "at least 1 item" would only confuse.
    for problem in [p for p in problems if p["loc"] != ("outputs",)] or problems:
        place = ".".join(str(p) for p in problem["loc"]) or "recipe"
        if problem["type"] == "extra_forbidden":
            yield f"{place}: {_unknown_field(problem['loc'])}"
        else:
            yield f"{place}: {problem['msg'].removeprefix('Value error, ')}"


def _unknown_field(loc: tuple[int | str, ...]) -> str:
    """What to say of a field that doesn't exist: the ones that do."""
    model: type[SpecModel] = Recipe
    for candidate in (ImageOutput, VideoLadder, Streams, VideoStill, AudioRendition):
        if len(loc) > 2 and loc[2] in get_args(candidate.model_fields["kind"].annotation):
            model = candidate
    fields = list(model.model_fields)
    near = get_close_matches(str(loc[-1]), fields, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ";"
    return f"there is no field {loc[-1]!r}{hint} Allowed: {', '.join(fields)}"
