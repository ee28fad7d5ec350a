"""Which assets each kind of media becomes; their keys joined with "/".

Belongs here: names only, so that whoever needs them imports no media room.
"""

IMAGE_ASSETS = ("image/thumbnails", "image/renditions")
VIDEO_ASSETS = ("video/metadata", "video/renditions", "video/thumbnails", "video/hls", "video/dash")
AUDIO_ASSETS = ("audio/renditions", "audio/thumbnails", "audio/hls", "audio/dash")
