"""What exists: the asset graph. Thin Dagster wrappers around telecine; no media code, no SQL."""
