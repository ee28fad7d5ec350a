"""A small picture of a ladder for the Dagster UI: bit rate against quality.

Pure: figures in, SVG out, some two kilobytes. Belongs here: drawing. Doesn't belong here: measuring (quality.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 480, 260, 52, 18, 40, 40
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Point:
    """One rung: average bits a second, and its figure."""

    name: str
    bitrate_bps: int
    figure: float


def plot(points: Sequence[Point], what: str) -> str:
    """An SVG document; the bit rate's axis is logarithmic.

    Args:
        points: at least one, with positive bit rates.
        what: the figure's name, for the axis.
    """
    points = sorted(points, key=lambda point: point.bitrate_bps)
    rates = [math.log10(point.bitrate_bps / 1000) for point in points]
    figures = [point.figure for point in points]
    left, right = min(rates) - 0.1, max(rates) + 0.1
    low, high = math.floor(min(figures) / 5) * 5 - 5, math.ceil(max(figures) / 5) * 5
    low, high = max(0, low), high if high > low else low + 5

    def x(rate: float) -> float:
        return round(_LEFT + (rate - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(figure: float) -> float:
        return round(_TOP + (high - figure) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" '
        'font-size="11" fill="#444"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for rate in _ticks(left, right):
        at = x(math.log10(rate))
        parts.append(f'<path d="M{at} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{at}" y="{_HEIGHT - _BOTTOM + 14}" text-anchor="middle">{rate:g}</text>')
    for figure in range(low, high + 1, 5 if high - low <= 40 else 10):
        parts.append(f'<path d="M{_LEFT} {y(figure)}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(figure) + 4}" text-anchor="end">{figure}</text>')
    line = " ".join(f"{x(rate)},{y(point.figure)}" for rate, point in zip(rates, points, strict=True))
    parts.append(f'<polyline points="{line}" fill="none" stroke="#3564d8" stroke-width="2"/>')
    for rate, point in zip(rates, points, strict=True):
        parts.append(f'<circle cx="{x(rate)}" cy="{y(point.figure)}" r="4" fill="#3564d8"/>')
        parts.append(f'<text x="{x(rate) + 6}" y="{y(point.figure) + 14}" fill="#000">{escape(point.name)}</text>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 8}" text-anchor="middle">kbit/s</text>')
    middle = (_HEIGHT - _BOTTOM + _TOP) / 2
    parts.append(
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{escape(what)}</text></svg>'
    )
    return "".join(parts)


def _ticks(left: float, right: float) -> list[float]:
    """1, 2 and 5 of every power of ten between two logarithms."""
    decades = range(math.floor(left), math.ceil(right) + 1)
    return [step * 10.0**n for n in decades for step in _STEPS if left <= math.log10(step * 10.0**n) <= right]
