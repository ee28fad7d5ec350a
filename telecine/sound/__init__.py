"""Sound: how tracks are mapped and levelled, and everything made from audio-only files.

Knows nothing of jobs, stores or Dagster. Doesn't belong here: which tracks of a video are used (telecine/video/sound).
"""
