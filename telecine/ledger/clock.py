"""The database's clock: spans of time as SQL, because no worker's own clock counts in the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func


def seconds(value: Any) -> ColumnElement[Any]:
    """An interval of so many seconds; `value` is a number or a column expression."""
    return func.make_interval(0, 0, 0, 0, 0, 0, value)
