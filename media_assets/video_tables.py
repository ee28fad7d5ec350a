"""Tables of a video for the Dagster UI: what the probe learnt, and how each rendition came out.

Belongs here: from private facts (telecine/video/private.py) to metadata. Doesn't belong here: metadata that every asset
has (materializations.py). After a crash the facts are gone with their worker; then there are no tables.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg


def probe_tables(sheet: Mapping[str, Any] | None) -> dict[str, Any]:
    """Tracks, times and colour."""
    if not sheet:
        return {}
    used = [column for column in sheet["tracks"][0] if any(row[column] for row in sheet["tracks"])]
    tables = {
        "tracks": dg.MetadataValue.table([dg.TableRecord({c: row[c] for c in used}) for row in sheet["tracks"]]),
        "times": _pairs(sheet["times"]),
    }
    if sheet["colour"]:
        tables["colour and shape"] = _pairs(sheet["colour"])
    if sheet["more_tracks"]:
        tables["more tracks"] = sheet["more_tracks"]
    return tables


def rendition_rows(outputs: Sequence[Mapping[str, Any]], made: Mapping[str, Mapping[str, Any]]) -> list[dg.TableRecord]:
    """A row for each rendition: size, bit rate, frames, encode speed and, where it was measured, quality."""
    rows = []
    for output in outputs:
        facts = made.get(output["name"], {})
        rows.append(
            {
                "name": output["name"],
                "size": f"{output['width']}x{output['height']}" if output["width"] else None,
                "bytes": output["size_bytes"],
                "kbit/s": round((output["bitrate_bps"] or 0) / 1000),
                "fps": facts.get("fps"),
                "encode speed": f"{facts['speed']:.2g}x" if facts.get("speed") else None,
                "SSIM": facts.get("ssim"),
                "XPSNR (dB)": facts.get("xpsnr_db"),
                "VMAF": facts.get("vmaf"),
                "type": output["codecs"] or output["mime"],
            }
        )
    used = [column for column in rows[0] if any(row[column] is not None for row in rows)]
    return [dg.TableRecord({column: row[column] for column in used}) for row in rows]


def _pairs(rows: Sequence[Sequence[str]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table([dg.TableRecord({"property": name, "value": value}) for name, value in rows])
