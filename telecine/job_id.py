"""Job and claim ids: UUID version 7 (RFC 9562, section 5.7), so that ids sort by time of birth."""

from __future__ import annotations

import os
import time
import uuid


def new_id() -> str:
    """A fresh id in canonical text form."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76  # version
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return str(uuid.UUID(int=value))
