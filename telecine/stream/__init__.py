"""HLS and DASH over one set of CMAF segments. Knows nothing of jobs, stores or Dagster."""
