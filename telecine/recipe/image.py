"""Image outputs of a recipe (requirements.md section 1).

Belongs here: what can be asked for, and what contradicts itself. Doesn't belong here: what it means for pixels
(telecine/image).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from telecine.recipe.base import OutputName, SpecModel
from telecine.recipe.image_format import ImageFormat, QualityWord
from telecine.recipe.metadata_fields import unknown_field
from telecine.recipe.presets import output_preset, output_presets

__all__ = ["ImageFormat", "ImageOutput", "QualityWord"]

Side = Annotated[int, Field(ge=1, le=16383, description="Pixels; 16383 is WebP's limit.")]
_ENCODER_FIELDS = {
    "lossless": (ImageFormat.WEBP,),
    "max_colors": (ImageFormat.PNG, ImageFormat.GIF),
    "png_level": (ImageFormat.PNG,),
    "webp_method": (ImageFormat.WEBP,),
    "avif_speed": (ImageFormat.AVIF,),
    "subsampling": (ImageFormat.JPEG, ImageFormat.AVIF),
}
_INSTEAD = {"lossless": "; png always is, the others never are"}


def _name_or_preset(schema: dict[str, Any]) -> None:
    """In the JSON Schema: a name is needed unless a preset brings one."""
    schema["required"] = [field for field in schema["required"] if field != "name"]
    schema["anyOf"] = [{"required": ["name"]}, {"required": ["preset"]}]
    schema["properties"]["preset"]["enum"] = list(output_presets())


class ImageOutput(SpecModel, json_schema_extra=_name_or_preset):
    """One still picture made from an image; or a set of them, with `widths` and `formats`."""

    kind: Literal["image"]
    name: OutputName
    preset: str | None = Field(
        None, exclude=True, description="Start from this preset's output; fields given beside it replace its fields."
    )
    asset: Literal["thumbnails", "renditions"] = "renditions"
    format: ImageFormat = ImageFormat.WEBP
    formats: Annotated[tuple[ImageFormat, ...], Field(min_length=1, max_length=5)] | None = Field(
        None, description="Instead of `format`: one file in each of these, from one decode."
    )
    width: Side | None = None
    height: Side | None = None
    widths: Annotated[tuple[Side, ...], Field(min_length=1, max_length=20)] | None = Field(
        None,
        description="One picture for each of these widths. With a mode other than fit, `width` and `height` say the "
        "shape only. Widths above the source's give the source's size.",
    )
    mode: Literal["fit", "fill", "crop", "stretch"] = Field(
        "fit",
        description="fit: inside the box; fill: letterboxed to the box; crop: covers the box; stretch: distorts.",
    )
    anchor: Literal["center", "top", "bottom", "left", "right", "smart"] = Field(
        "center",
        description="Which part a crop keeps, and where a letterboxed picture lies. smart: the part with the highest "
        "entropy; the centre when all parts are alike.",
    )
    enlarge: bool = Field(False, description="Allow outputs larger than the source.")
    interpolation: Literal["auto", "nearest", "bilinear", "bicubic", "lanczos"] = Field(
        "auto", description="auto: lanczos when shrinking 2x or more, bicubic when enlarging, bilinear between."
    )
    sharpen: Annotated[float, Field(ge=0, le=2)] = Field(0.0, description="0: not at all; 1: visibly; 2: strongly.")
    quality: Annotated[int, Field(ge=1, le=100)] | QualityWord = Field(
        82,
        description="1 to 100 on the encoder's own scale, or a word that looks alike in every format. Not used by PNG, "
        "GIF and lossless WebP.",
    )
    lossless: bool = Field(False, description="WebP only: every pixel kept exactly.")
    effort: Annotated[int, Field(ge=0, le=9)] | None = Field(
        None,
        description="0: fastest; 9: smallest files; left out: each encoder's measured best value. Not used by JPEG, "
        "which is always optimised.",
    )
    png_level: Annotated[int, Field(ge=0, le=9)] | None = Field(None, description="zlib level, instead of `effort`.")
    webp_method: Annotated[int, Field(ge=0, le=6)] | None = Field(None, description="Instead of `effort`.")
    avif_speed: Annotated[int, Field(ge=0, le=10)] | None = Field(None, description="Instead of `effort`.")
    subsampling: Literal["auto", "4:4:4", "4:2:2", "4:2:0"] = Field(
        "auto", description="JPEG and AVIF: colour resolution; auto: 4:4:4 from quality 90, else 4:2:0."
    )
    progressive: bool = Field(True, description="JPEG only.")
    max_colors: Annotated[int, Field(ge=2, le=256)] | None = Field(
        None, description="PNG and GIF: a palette of at most this many colours."
    )
    background: str = Field(
        "#ffffff",
        pattern=r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$",
        description="Letterbox colour, and what alpha is flattened on. Eight digits: with alpha, for formats that "
        "have it.",
    )
    color_profile: Literal["srgb", "keep"] = Field(
        "srgb",
        description="srgb: colours converted to sRGB; keep: grey and RGB pixels unchanged, with the source's profile.",
    )
    animated: Literal["first_frame", "keep"] = Field(
        "first_frame", description="keep: animations stay animations, in webp and gif."
    )
    metadata: Literal["strip_all", "preserve_technical", "preserve_all", "selective"] = Field(
        "strip_all",
        description="What embedded metadata the output carries: nothing; camera, exposure, profile and software; all; "
        "or `metadata_fields`.",
    )
    metadata_fields: tuple[str, ...] = Field(
        (), description="For selective: EXIF tag names, and the groups GPS, ICC, XMP, IPTC, DPI, COMMENT."
    )
    strip_private: bool = Field(
        False, description="Leave out coordinates, times, serial numbers and owners, whatever `metadata` says."
    )
    keep_details: bool = Field(
        False, description="Store the file's whole EXIF as JSON in the private bucket. Holds for the whole file."
    )
    allow_truncated: bool = Field(
        False, description="Make what can be made of a file whose end is missing. Holds for the whole file."
    )
    allow_larger: bool = Field(
        False, description="Don't lower the quality of an output that would be larger than a source of its dimensions."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("preset") is None:
            return data
        base = output_preset(data["preset"])
        given = {field: value for field, value in data.items() if field != "preset"}
        if "format" in given:
            base.pop("formats", None)
        if {"width", "height"} & given.keys() and "widths" not in given:
            base.pop("widths", None)
        if given.get("format", base.get("format")) != base.get("format"):
            for field, formats in _ENCODER_FIELDS.items():
                if given["format"] not in formats:
                    base.pop(field, None)
        return base | given

    @field_validator("quality", mode="before")
    @classmethod
    def _number_or_word(cls, value: object) -> object:
        if not isinstance(value, str | int) or (isinstance(value, str) and value not in list(QualityWord)):
            raise ValueError(f"{value!r} is neither a number from 1 to 100 nor one of {', '.join(QualityWord)}")
        if isinstance(value, int) and not 1 <= value <= 100:
            raise ValueError(f"{value} isn't between 1 and 100")
        return value

    @field_validator("background")
    @classmethod
    def _long_form(cls, value: str) -> str:
        return "#" + "".join(2 * digit for digit in value[1:]) if len(value) == 4 else value

    @field_validator("metadata_fields")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if problem := unknown_field(name):
                raise ValueError(problem)
        return names

    @model_validator(mode="after")
    def _mode_needs_a_box(self) -> ImageOutput:
        if self.mode in ("fill", "crop", "stretch") and (self.width is None or self.height is None):
            raise ValueError(f"output {self.name!r}: mode {self.mode!r} needs both width and height")
        if self.mode == "fit" and self.widths is not None and self.width is not None:
            raise ValueError(f"output {self.name!r}: 'widths' takes the place of 'width'; give one of them")
        if self.anchor == "smart" and self.mode != "crop":
            raise ValueError(f"output {self.name!r}: anchor 'smart' is for mode 'crop', not {self.mode!r}")
        return self

    @model_validator(mode="after")
    def _encoder_fields_fit_the_format(self) -> ImageOutput:
        formats = self.formats or (self.format,)
        for field, usable in _ENCODER_FIELDS.items():
            if getattr(self, field) != type(self).model_fields[field].default and not set(formats) & set(usable):
                raise ValueError(
                    f"output {self.name!r}: {field!r} is for {' and '.join(usable)}{_INSTEAD.get(field, '')}; "
                    f"this output is {', '.join(formats)}"
                )
        if self.animated == "keep" and not any(f.moves for f in formats):
            raise ValueError(f"output {self.name!r}: animations are kept in webp and gif, not in {', '.join(formats)}")
        return self

    @model_validator(mode="after")
    def _fields_to_copy_are_named(self) -> ImageOutput:
        if (self.metadata == "selective") != bool(self.metadata_fields):
            raise ValueError(
                f"output {self.name!r}: 'metadata_fields' and metadata 'selective' belong together; give both or none"
            )
        return self

    @property
    def file_name(self) -> str:
        """The output's name with its format's extension, unless the name already ends with it."""
        extension = f".{self.format.extension}"
        if self.name.lower().endswith((extension, f".{self.format.value}")):
            return self.name
        return self.name + extension

    @property
    def keeps_animation(self) -> bool:
        """Whether an animated source gives an animated output."""
        return self.animated == "keep" and self.format.moves

    def pictures(self) -> Iterator[ImageOutput]:
        """The single pictures of a set, named `<name>-<width>.<extension>`; itself when it is no set."""
        if self.widths is None and self.formats is None:
            yield self
            return
        sizes: list[tuple[str, dict[str, Any]]] = [(self.name, {})]
        if self.widths is not None:
            sizes = [(f"{self.name}-{width}", self._box(width)) for width in dict.fromkeys(self.widths)]
        for stem, box in sizes:
            for format in dict.fromkeys(self.formats or (self.format,)):
                usable = {
                    field: type(self).model_fields[field].default
                    for field, formats in _ENCODER_FIELDS.items()
                    if format not in formats
                }
                single = {"widths": None, "formats": None, "format": format, "name": f"{stem}.{format.extension}"}
                yield self.model_copy(update={**usable, **box, **single})

    def _box(self, width: int) -> dict[str, Any]:
        if self.mode == "fit":
            return {"width": width}
        assert self.width is not None  # _mode_needs_a_box
        assert self.height is not None
        return {"width": width, "height": max(1, round(width * self.height / self.width))}
