"""Video outputs of a recipe: what is made of the moving picture and its sound (requirements.md section 2).

Doesn't belong here: the encoder settings that both kinds share (coding.py).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from telecine.codecs import VideoCodec
from telecine.compatibility import Problem, problems
from telecine.recipe.base import OutputName
from telecine.recipe.coding import CodingSettings
from telecine.recipe.video_tags import Kept, Metadata, kept, unknown_tag

RungHeight = Literal[240, 360, 480, 720, 1080, 1440]


class VideoLadder(CodingSettings):
    """Renditions of several sizes, one per rung; a rung is named by its short side.

    Each is encoded at constant quality under a cap on its bit rate, so the content decides what it takes.
    """

    kind: Literal["video_ladder"]
    rungs: tuple[RungHeight, ...] = Field(
        (240, 360, 480, 720, 1080, 1440),
        min_length=1,
        description="Short sides in pixels; rungs above the source are left out, the lowest always exists.",
    )

    files: bool = Field(
        True,
        description="Publish a file for each rung; false: rungs are only what streams are packaged from, as protected "
        "streams want it.",
    )

    @field_validator("rungs")
    @classmethod
    def _ascending(cls, rungs: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(rungs)))

    def _own_problems(self) -> list[Problem]:
        found = super()._own_problems()
        if self.codec.lossless:
            found.append(Problem("codec", f"a ladder's bit rates can't be kept by {self.codec}", "use kind 'video'"))
        return found


class VideoRendition(CodingSettings):
    """One file made from a video, beside or instead of a ladder."""

    kind: Literal["video"]
    name: OutputName
    height: Annotated[int, Field(ge=16, le=8192)] | None = Field(
        None, description="Pixels of the short side; never above the source's; left out: the source's size."
    )
    fps: Annotated[float, Field(gt=0, le=120)] | None = Field(
        None, description="Exactly this frame rate (29.97 means 30000/1001); left out: the source's, up to `max_fps`."
    )
    bitrate_bps: Annotated[int, Field(ge=20_000, le=400_000_000)] | None = Field(
        None,
        description="Average to aim at, instead of `crf`; of a source smaller than `height` at most what the ladder's "
        "range has for its size.",
    )
    max_bitrate_bps: Annotated[int, Field(ge=20_000, le=800_000_000)] | None = Field(
        None, description="Cap for a player's buffer (VBV), beside `crf` or `bitrate_bps`; av1: not beside the latter."
    )
    two_pass: bool = Field(False, description="Read the source twice, to hit `bitrate_bps` at better quality.")
    stream_copy: Literal["auto", "any_codec", "never"] = Field(
        "auto",
        description="auto: the source's own picture is taken over as it is where it is what would be made; any_codec: "
        "also in another codec that the container holds.",
    )
    metadata: Metadata = Field(
        "strip_all",
        description="What tags the output carries: none; title, description, copyright, camera, software and chapters; "
        "all of them, coordinates too; or `metadata_fields`.",
    )
    metadata_fields: tuple[str, ...] = Field(
        (), description="For selective: names of tags, such as title or creation_time, and the groups CHAPTERS and GPS."
    )
    strip_private: bool = Field(False, description="Leave out coordinates, times and people, whatever `metadata` says.")

    @property
    def kept(self) -> Kept:
        """What of the source's tags goes along."""
        return kept(self.metadata, self.metadata_fields, self.strip_private)

    @field_validator("metadata_fields")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if problem := unknown_tag(name):
                raise ValueError(problem)
        return names

    @property
    def fastest_fps(self) -> float:
        """Also with a rate above `max_fps`, which holds for what is left out only."""
        return max(self.max_fps, self.fps or 0)

    def _own_problems(self) -> list[Problem]:
        found = super()._own_problems()
        rates = [name for name in ("bitrate_bps", "max_bitrate_bps", "two_pass") if getattr(self, name)]
        if (self.metadata == "selective") != bool(self.metadata_fields):
            found.append(Problem("metadata_fields", "it and metadata 'selective' belong together", "give both or none"))
        if self.codec.lossless and rates:
            found.append(Problem(rates[0], f"{self.codec} keeps every pixel", "leave it out"))
        if self.crf is not None and self.bitrate_bps is not None:
            found.append(
                Problem("crf", "a constant quality has no average bit rate", "give one of crf and bitrate_bps")
            )
        if self.two_pass and self.bitrate_bps is None:
            found.append(Problem("two_pass", "it exists to hit a bit rate", "add 'bitrate_bps'"))
        if self.two_pass and self.tune == "zerolatency":
            found.append(Problem("two_pass", "zerolatency looks at no frame twice", "leave one of them out"))
        if (
            self.max_bitrate_bps is not None
            and self.bitrate_bps is not None
            and self.max_bitrate_bps < self.bitrate_bps
        ):
            found.append(Problem("max_bitrate_bps", "it is below 'bitrate_bps'", "raise it or leave it out"))
        if self.codec is VideoCodec.AV1 and self.max_bitrate_bps is not None and self.bitrate_bps is not None:
            found.append(
                Problem(
                    "max_bitrate_bps",
                    "ffmpeg's AV1 encoder caps a constant quality only",
                    "leave out this or 'bitrate_bps'",
                )
            )
        if self.two_pass and self.codec is VideoCodec.AV1:
            found += problems(self.codec, self.used_container, None, two_pass=True)
        return found
