"""telecine.toml: which buckets are watched, and what is made from what lands there.

Belongs here: parsing and matching. Doesn't belong here: where services are (telecine/settings, environment).
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from telecine.errors import ConfigurationError, ErrorCode
from telecine.partition import PRIVATE_PREFIX
from telecine.priority import Lane, Priority
from telecine.recipe import Recipe, load_recipe

CAPTION_FILES = (".vtt", ".srt", ".ass", ".ssa")
UPLOADS_PREFIX = "uploads/"  # where `telecine process` puts files: no bucket rule matches there
# Names that programs use while they write, and files that desktops leave behind.
_TEMPORARY = re.compile(
    r"(^|/)(\.[^/]*|~[^/]*|[^/]*~|thumbs\.db|desktop\.ini)$|\.(part|partial|tmp|temp|crdownload|filepart|download|swp)$"
    r"|(^|/)__MACOSX/|/$",
    re.IGNORECASE,
)
# What publishing writes (telecine/partition): a rule on the output bucket must not feed on it.
_OWN_OUTPUT = re.compile(
    r"^([a-z0-9._-]+-[0-9a-f]{8}/(manifest\.json$|g\d+/|jobs/)|batches/[0-9a-f-]{36}/manifest\.json$)"
)


class Rule(BaseModel):
    """Objects below `prefix` of `bucket` are made with `recipe`. The first rule that matches decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bucket: Annotated[str, Field(min_length=1)]
    prefix: str = ""
    recipe: str = "default"
    priority: Priority = Priority.NORMAL
    lane: Lane = Lane.LIVE

    @field_validator("priority", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if isinstance(value, str | int):
            try:
                return Priority.parse(value)
            except ConfigurationError as e:
                raise ValueError(e.message) from None
        return value

    def matches(self, key: str) -> bool:
        """Whether this rule takes the object; temporary names, captions and `telecine process` uploads match none."""
        ours = key.startswith((UPLOADS_PREFIX, PRIVATE_PREFIX))
        return key.startswith(self.prefix) and not ours and not is_temporary(key) and not is_captions(key)

    def load_recipe(self) -> Recipe:
        """The rule's recipe.

        Raises:
            ConfigurationError: INVALID_RECIPE.
        """
        return load_recipe(self.recipe)


class Config(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = ()


def load_config(path: Path, input_bucket: str) -> Config:
    """Read telecine.toml; without the file, the input bucket is watched with the default recipe.

    Raises:
        ConfigurationError: INVALID_RECIPE, naming the file, the field and the reason.
    """
    try:
        data = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return Config(rules=(Rule(bucket=input_bucket),))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigurationError(ErrorCode.INVALID_RECIPE, f"{path}: {e}") from None
    try:
        config = Config.model_validate(data)
    except ValidationError as e:
        reasons = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in e.errors(include_url=False))
        raise ConfigurationError(ErrorCode.INVALID_RECIPE, f"{path}: {reasons}") from None
    for rule in config.rules:
        rule.load_recipe()
    return config


def is_temporary(key: str) -> bool:
    """Whether the name says that the file isn't finished, or isn't media at all."""
    return _TEMPORARY.search(key) is not None


def is_captions(key: str) -> bool:
    """Whether an object is captions by its name: it belongs to the video beside it (telecine/sidecar)."""
    return key.lower().endswith(CAPTION_FILES)


def is_own_output(key: str) -> bool:
    """Whether a key of the output bucket was written by publishing."""
    return _OWN_OUTPUT.match(key) is not None
