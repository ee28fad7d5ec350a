"""Video and sound of one media file: ladder, stills, renditions. Knows nothing of jobs, stores or Dagster."""
