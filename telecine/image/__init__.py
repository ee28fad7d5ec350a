"""Still pictures: header, decode, colour, geometry, resize, encode (requirements.md section 1).

Knows nothing of ledgers, stores or webhooks. `pool` spreads files over processes.
"""

from telecine.image.header import ImageFacts, inspect
from telecine.image.limits import ImageLimits
from telecine.image.process import process_image

__all__ = ["ImageFacts", "ImageLimits", "inspect", "process_image"]
