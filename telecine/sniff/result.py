"""The answer of the sniffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "video", "audio"]

HEAD_BYTES = 65_536
"""How much of a file's start is worth reading: enough for a moov or Tracks element at the front of most files."""


@dataclass(frozen=True, slots=True)
class Sniffed:
    """Kind, format (lower-case short name) and MIME type of a file."""

    kind: Kind
    format: str
    mime: str
