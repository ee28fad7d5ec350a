"""HTML pages out of templates; everything that is put into one is escaped."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from telecine.gateway.players import LIBRARIES

_PAGES = Environment(
    loader=PackageLoader("telecine.gateway"),
    autoescape=select_autoescape(default=True),
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(name: str, **values: Any) -> str:
    """A template of templates/ filled in."""
    return _PAGES.get_template(f"{name}.html").render(**values)


def _clock(seconds: float | None) -> str:
    """3725.4 as 1:02:05."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _moment(at: datetime) -> str:
    """For a <time> element: UTC to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


_PAGES.filters |= {"clock": _clock, "moment": _moment}
_PAGES.globals["libraries"] = {library.name: library.path for library in LIBRARIES}
