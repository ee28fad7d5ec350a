"""The recipe itself: a named list of outputs, with a content hash that decides what is stale."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from telecine.codecs import VideoCodec
from telecine.errors import ConfigurationError, ErrorCode
from telecine.recipe.audio import AudioRendition
from telecine.recipe.base import SpecModel
from telecine.recipe.cover import Cover
from telecine.recipe.image import ImageOutput
from telecine.recipe.reasons import reasons
from telecine.recipe.still import AnimatedPreview, Storyboard, VideoStill
from telecine.recipe.streams import Streams
from telecine.recipe.video import VideoLadder, VideoRendition
from telecine.recipe.waveform import Waveform

OutputSpec = Annotated[
    ImageOutput
    | VideoLadder
    | VideoRendition
    | Streams
    | VideoStill
    | Storyboard
    | AnimatedPreview
    | AudioRendition
    | Waveform
    | Cover,
    Field(discriminator="kind"),
]
OUTPUT_KINDS: tuple[type[SpecModel], ...] = get_args(get_args(OutputSpec)[0])


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

    quality_check: Literal["off", "sample"] = Field(
        "sample",
        description="Videos: compare a few short samples of every rendition with what it was made from (SSIM, XPSNR, "
        "VMAF). The figures are shown in Dagster; they change no output.",
    )

    @field_validator("quality_check", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML 1.1 reads a bare `off` as false

    @model_validator(mode="after")
    def _names_are_unique(self) -> Recipe:
        seen: set[tuple[str, str]] = set()
        pictures = self.images()
        for output in (*pictures, *(o for o in self.outputs if not isinstance(o, ImageOutput))):
            for place in _places(output):
                if place in seen:
                    raise ValueError(f"two outputs are named {place[1]!r} in {place[0]!r}; give each its own name")
                seen.add(place)
        files = Counter((o.asset, o.file_name) for o in pictures)
        if files and files.most_common(1)[0][1] > 1:
            raise ValueError(f"two outputs would both be written to {'/'.join(files.most_common(1)[0][0])!r}")
        if any(isinstance(o, Streams) for o in self.outputs) and not any(
            isinstance(o, VideoLadder) or (isinstance(o, AudioRendition) and o.codec == "aac") for o in self.outputs
        ):
            raise ValueError("'streams' needs something to be packaged from: add a 'video_ladder', or AAC 'audio'")
        streams, ladder = self.streams(), next((o for o in self.outputs if isinstance(o, VideoLadder)), None)
        if streams and ladder and streams.hls.container == "ts" and ladder.codec is not VideoCodec.H264:
            raise ValueError(f"'streams' can't put {ladder.codec} into MPEG-TS; use codec h264, or hls.container cmaf")
        if streams and streams.protection and (open_ := next(filter(_is_whole_media, self.outputs), None)):
            remedy = "set its files: false" if isinstance(open_, VideoLadder) else "put it into a recipe of its own"
            raise ValueError(f"'{open_.kind}' would publish what 'protection' encrypts, readable by anybody; {remedy}")
        if sum(isinstance(o, Storyboard) for o in self.outputs) > 1:
            raise ValueError("there is one storyboard for a video; remove the other")
        return self

    @property
    def hash(self) -> str:
        """First 16 hex digits of SHA-256 over what changes outputs.

        Name, description and quality_check are left out, and so are values equal to their default: writing a default
        down, renaming a recipe, or a release that adds a field makes nothing stale.
        """
        content = self.model_dump(mode="json", exclude={"name", "description", "quality_check"}, exclude_defaults=True)
        # exclude_defaults drops a discriminator never: `kind` has no default.
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def streams(self) -> Streams | None:
        """HLS and DASH, if they are asked for."""
        return next((o for o in self.outputs if isinstance(o, Streams)), None)

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
        wrong = "; ".join(reasons(e, Recipe, OUTPUT_KINDS))
        raise ConfigurationError(ErrorCode.INVALID_RECIPE, f"recipe {origin}: {wrong}") from None


def _is_whole_media(output: SpecModel) -> bool:
    """Whether an output is picture or sound as files that anybody can read."""
    return output.files if isinstance(output, VideoLadder) else isinstance(output, VideoRendition | AudioRendition)


def _places(output: SpecModel) -> Iterable[tuple[str, str]]:
    """Where an output's files are listed: asset, or something as distinct, and name."""
    if isinstance(output, VideoStill | Storyboard | AnimatedPreview):
        return [("video/thumbnails", name) for name in output.names()]
    if isinstance(output, VideoRendition):
        return [("video/renditions", output.name)]
    kind = getattr(output, "kind", "")
    if isinstance(output, AudioRendition) and output.from_videos:
        return [(kind, output.name), ("video/renditions", output.name)]
    if isinstance(output, VideoLadder):
        return [(kind, kind), *(("video/renditions", f"{side}p") for side in output.rungs)]
    return [(getattr(output, "asset", kind), getattr(output, "name", kind))]
