"""Jobs that dispatch requests, one per kind of media.

https://docs.dagster.io/guides/build/jobs/asset-jobs
"""

import dagster as dg

images_job = dg.define_asset_job(
    "images_job", selection=dg.AssetSelection.assets(["image", "thumbnails"], ["image", "renditions"])
)
by_kind = {"image": images_job}
