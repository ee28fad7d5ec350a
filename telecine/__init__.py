"""Telecine: media dropped in a bucket, turned into everything a product needs to show it.

Plain Python: nothing below this package imports Dagster (docs/architecture.md, enforced by import-linter).
"""

__version__ = "0.1.0"
