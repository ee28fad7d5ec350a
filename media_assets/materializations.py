"""Materializations: what the UI shows of one file's outputs, and the versions that make them stale."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from media_assets.video_tables import probe_tables, rendition_rows
from telecine import __version__
from telecine.settings import Settings
from telecine.worker import Outcome

_MAX_ROWS = 30
_MAX_LINKS = 12
_PROBED = ("video/metadata", "audio/renditions")  # where the probe's tables are shown


def source_pointers(instance: dg.DagsterInstance, kind: str, partitions: Collection[str]) -> Mapping[str, int]:
    """Storage ids of the newest source observations, one query for a whole batch."""
    return instance.get_latest_storage_id_by_partition(
        dg.AssetKey([kind, "source"]), dg.DagsterEventType.ASSET_OBSERVATION, set(partitions)
    )


def materializations(
    outcome: Outcome, assets: Collection[str], pointers: Mapping[str, int], settings: Settings
) -> Iterator[dg.AssetMaterialization]:
    """One materialization for each asset this attempt made.

    `log_event` adds no version tags of its own; without these a re-observed source would stay fresh (facts.md).
    """
    job, manifest = outcome.job, outcome.manifest
    assert manifest is not None
    source_key = f"{job.kind}/source"
    versions = {
        "dagster/code_version": __version__,
        "dagster/data_version": f"{job.recipe_hash}-{job.etag}",
        f"dagster/input_data_version/{source_key}": job.etag,
    }
    if job.partition in pointers:
        versions[f"dagster/input_event_pointer/{source_key}"] = str(pointers[job.partition])
    for asset in sorted(set(assets) & outcome.made):
        if metadata := details(outcome, asset, settings):
            yield dg.AssetMaterialization(
                asset_key=dg.AssetKey(asset.split("/")), partition=job.partition, metadata=metadata, tags=versions
            )


def details(outcome: Outcome, asset: str, settings: Settings) -> dict[str, Any]:
    """Preview, table and links of one asset's outputs; empty when the attempt made none."""
    job, manifest = outcome.job, outcome.manifest
    assert manifest is not None
    outputs = [output for output in manifest["outputs"] if output["asset"] == asset]
    if not outputs:
        return {}
    base = f"{settings.outputs_url}/{job.partition}"
    metadata: dict[str, Any] = {}
    if outcome.preview:
        # By URL: the UI shows Markdown at once only below 1,000 characters, and lets no data: pictures through.
        metadata["preview"] = dg.MetadataValue.md(f"![preview]({base}/{outcome.preview})")
    metadata |= {
        "source": f"{job.bucket}/{job.key}",
        "outputs": dg.MetadataValue.table(_rows(asset, outputs[:_MAX_ROWS], outcome)),
    }
    if asset in _PROBED:
        metadata |= probe_tables(outcome.private_facts.get("sheet"))
    if asset == "video/renditions" and outcome.plot:
        metadata["bit rate and quality"] = dg.MetadataValue.md(f"![bit rate and quality]({base}/{outcome.plot})")
    if facts := _source_facts(outcome):
        metadata["source facts"] = dg.MetadataValue.table([dg.TableRecord(facts)])
    if asset.endswith(("/hls", "/dash")):
        metadata["watch"] = dg.MetadataValue.url(settings.watch_url(job.partition))
    # A table's cells can't be clicked in the UI, so every output has a link below it.
    for output in outputs[:_MAX_LINKS]:
        metadata[f"link {output['name']}"] = dg.MetadataValue.url(f"{base}/{output['url']}")
    metadata |= {
        "manifest": dg.MetadataValue.url(f"{base}/manifest.json"),
        "recipe": manifest["recipe"]["name"],
        "recipe_hash": job.recipe_hash,
        "generation": outcome.generation,
        "bytes": sum(output["total_bytes"] or output["size_bytes"] for output in outputs),
        "job_id": job.job_id,
        "correlation_id": job.correlation_id,
        "priority": job.priority,
        "attempt": job.attempts + 1,
    }
    if manifest["warnings"]:
        metadata["warnings"] = dg.MetadataValue.md("\n".join(f"- {w}" for w in manifest["warnings"]))
    return metadata


def _source_facts(outcome: Outcome) -> dict[str, str | int | bool]:
    """A picture's facts, also those that the manifest must not tell; empty for other media."""
    assert outcome.manifest is not None
    source, private = outcome.manifest["source"], outcome.private_facts
    if source["kind"] != "image":
        return {}
    facts = {
        "size": f"{source['width']}x{source['height']}",
        "format": source["format"],
        "mode": source.get("mode"),
        "bits": source.get("bit_depth"),
        "ICC profile": private.get("icc_profile"),
        "camera": private.get("camera"),
        "orientation": source.get("orientation"),
        "has GPS": private.get("has_gps"),
        "dpi": str(round(source["dpi"][0])) if source.get("dpi") else None,
        "compression": source.get("compression"),
        "quality": source.get("source_quality"),
        "bytes": source["size_bytes"],
    }
    return {name: value for name, value in facts.items() if value is not None}


def _rows(asset: str, outputs: Sequence[Mapping[str, Any]], outcome: Outcome) -> list[dg.TableRecord]:
    """Outputs for the UI's table, without columns in which nothing would stand."""
    assert outcome.manifest is not None
    source = outcome.manifest["source"]
    if asset == "video/renditions":
        return rendition_rows(outputs, outcome.private_facts.get("renditions", {}))
    whole = source["size_bytes"] if source["kind"] == "image" else 0
    rows = [
        {
            "name": output["name"],
            "size": f"{output['width']}x{output['height']}" if output["width"] else None,
            "bytes": output["total_bytes"] or output["size_bytes"],
            "saving": f"{100 * (1 - output['size_bytes'] / whole):.0f} %" if whole else None,
            "kbit/s": round(output["bitrate_bps"] / 1000) if output["bitrate_bps"] else None,
            "type": output["codecs"] or output["mime"],
        }
        for output in outputs
    ]
    used = [column for column in rows[0] if any(row[column] is not None for row in rows)]
    return [dg.TableRecord({column: row[column] for column in used}) for row in rows]
