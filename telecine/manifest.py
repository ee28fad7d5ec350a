"""`manifest.json`: what a partition's current generation holds, for players, web pages and programs.

Belongs here: the models of schema 1 and how they are built and read. Doesn't belong here: deciding which generation
is current (telecine/ledger) and writing it to the store (telecine/publish). Every key is always present, null rather
than absent; nothing private is in it. Published as docs/manifest.schema.json by `python -m telecine.docs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from telecine.artifact import Artifact
from telecine.errors import ErrorCode, SystemFault
from telecine.partition import generation_prefix
from telecine.sniff import Kind

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Pixels = Annotated[int, Field(ge=1)] | None
Seconds = Annotated[float, Field(ge=0)] | None


@dataclass(frozen=True, slots=True)
class SourceRef:
    """The object a generation was made from.

    Attributes:
        facts: `MediaResult.facts`; `format`, `width`, `height` and `duration_s` are taken from here, and the rest
            follows them.
    """

    bucket: str
    key: str
    etag: str | None
    size_bytes: int
    kind: Kind
    facts: Mapping[str, Any] = field(default_factory=dict)


class _ManifestModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)


class RecipeRef(_ManifestModel):
    """Which recipe was used; the hash changes when its outputs would."""

    name: str
    hash: str


class ManifestSource(_ManifestModel):
    """The source object and what was learnt about it; kinds of media add facts of their own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    bucket: str
    key: str
    etag: str | None
    size_bytes: Count
    kind: Kind
    format: str
    width: Pixels = Field(description="Pixels as displayed, after orientation; null for sound.")
    height: Pixels
    duration_s: Seconds = Field(description="Seconds; null for stills.")


class ManifestOutput(_ManifestModel):
    """One output; a stream is listed by its entry file only."""

    asset: str = Field(description="Asset key joined with '/', for example image/renditions.")
    name: str
    url: str = Field(description="Percent-encoded, relative to the manifest.")
    key: str = Field(description="Full object key in the output bucket.")
    mime: str
    size_bytes: Count
    sha256: Sha256
    width: Pixels
    height: Pixels
    duration_s: Seconds
    offset_s: Seconds = Field(None, description="Stills out of a video: when the video shows it; null otherwise.")
    bitrate_bps: Count | None
    codecs: str | None = Field(description="RFC 6381 codecs string; null for stills.")
    total_bytes: Count | None = Field(description="Streams: bytes of all files; null otherwise.")
    files: str | None = Field(description="Streams: URL of a JSON list of all files; null otherwise.")


class Manifest(_ManifestModel):
    """A partition's current generation."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Telecine manifest")

    schema_version: Literal[1] = Field(alias="schema")
    partition: str
    generation: Annotated[int, Field(ge=1)]
    created_at: datetime
    recipe: RecipeRef
    source: ManifestSource
    outputs: tuple[ManifestOutput, ...]
    warnings: tuple[str, ...]


def manifest_output(
    artifact: Artifact, partition: str, generation: int, files_url: str | None = None
) -> dict[str, Any]:
    """One entry of a manifest's outputs.

    Args:
        files_url: for a stream, the URL (relative to the manifest) of the JSON list of its files.
    """
    return {
        "asset": artifact.asset,
        "name": artifact.name,
        "url": quote(f"g{generation}/{artifact.path}"),
        "key": generation_prefix(partition, generation) + artifact.path,
        "mime": artifact.mime,
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
        "width": artifact.width,
        "height": artifact.height,
        "duration_s": artifact.duration_s,
        "offset_s": artifact.offset_s,
        "bitrate_bps": artifact.bitrate_bps,
        "codecs": artifact.codecs,
        "total_bytes": artifact.total_bytes,
        "files": files_url,
    }


def build_manifest(
    partition: str,
    generation: int,
    created_at: datetime,
    recipe_name: str,
    recipe_hash: str,
    source: SourceRef,
    outputs: Sequence[ManifestOutput | Mapping[str, Any]],
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """The manifest as JSON-ready data, checked against its own model.

    Args:
        created_at: aware; written in UTC.
        outputs: `manifest_output` entries, or entries of an older manifest that are carried forward.

    Raises:
        SystemFault: INTERNAL when what it was given is no manifest (a fault of ours, never published).
    """
    facts = {"format": None, "width": None, "height": None, "duration_s": None, **source.facts}
    data = {
        "schema": 1,
        "partition": partition,
        "generation": generation,
        "created_at": created_at.astimezone(UTC),
        "recipe": {"name": recipe_name, "hash": recipe_hash},
        "source": {
            "bucket": source.bucket,
            "key": source.key,
            "etag": source.etag,
            "size_bytes": source.size_bytes,
            "kind": source.kind,
            **facts,
        },
        "outputs": [o.model_dump() if isinstance(o, ManifestOutput) else dict(o) for o in outputs],
        "warnings": list(warnings),
    }
    return dump_manifest(_validated(data, partition))


def dump_manifest(manifest: Manifest) -> dict[str, Any]:
    """A manifest as JSON-ready data, keys in the documented order."""
    return manifest.model_dump(mode="json", by_alias=True)


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest that was written earlier.

    Raises:
        SystemFault: INTERNAL when it isn't one.
    """
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as e:
        raise SystemFault(ErrorCode.INTERNAL, "The stored manifest can't be read.", str(e)) from None


def _validated(data: dict[str, Any], partition: str) -> Manifest:
    try:
        return Manifest.model_validate(data)
    except ValidationError as e:
        raise SystemFault(ErrorCode.INTERNAL, f"The manifest of {partition} would be invalid.", str(e)) from None
