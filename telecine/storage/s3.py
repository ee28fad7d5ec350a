"""Any S3 server through the `minio` SDK: the few calls Telecine needs, with retries and errors people understand.

Belongs here: reading, writing and listing objects. Doesn't belong here: which keys mean what (telecine/partition,
telecine/publish). Nothing MinIO-specific is used, so AWS S3, SeaweedFS, Ceph and others all serve.
"""

from __future__ import annotations

import io
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import ComposeSource
from minio.error import MinioException, S3Error

from telecine.errors import ConfigurationError, ErrorCode, InputError, NotOurs, TelecineError, TransientError
from telecine.settings import Settings

IMMUTABLE = "public, max-age=31536000, immutable"  # RFC 8246: output paths never change content
_PART_BYTES = 16 * 1024 * 1024  # multipart above this; S3 allows 10,000 parts, so 160 GB a file
_COPY_BYTES = 1024 * 1024
_NO_SUCH = {"NoSuchKey", "NoSuchObject", "NoSuchVersion", "NotFound"}
_DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "AllAccessDisabled"}


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object version as a listing or HEAD shows it; times are aware UTC."""

    bucket: str
    key: str
    etag: str
    size_bytes: int
    last_modified: datetime
    version_id: str | None = None
    content_type: str | None = None

    @property
    def identity(self) -> str:
        """What tells one version of an object from another: the version id, or (etag, size, mtime).

        A listing and a HEAD of the same version must agree, so the time is cut to whole seconds (HTTP dates).
        """
        return self.version_id or f"{self.etag}:{self.size_bytes}:{int(self.last_modified.timestamp())}"


class ObjectStore:
    """A client for one S3 server; safe to share between threads, not between processes."""

    def __init__(self, endpoint_url: str, access_key: str, secret_key: str, region: str = "us-east-1") -> None:
        parts = urlsplit(endpoint_url)
        self._url = f"{parts.scheme}://{parts.netloc}"
        self._http = urllib3.PoolManager(
            maxsize=16,
            timeout=urllib3.Timeout(connect=5, read=60),
            retries=urllib3.Retry(
                total=6,
                backoff_factor=0.3,
                backoff_jitter=0.3,
                backoff_max=10,
                status_forcelist=(429, 500, 502, 503, 504),
                allowed_methods=None,  # every S3 call we make is idempotent
                raise_on_status=False,
            ),
            cert_reqs=ssl.CERT_REQUIRED,
        )
        self.client = Minio(
            parts.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=parts.scheme == "https",
            region=region,
            http_client=self._http,
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> ObjectStore:
        """The store the environment names."""
        return cls(
            settings.s3_url,
            settings.s3_access_key.get_secret_value(),
            settings.s3_secret_key.get_secret_value(),
            settings.s3_region,
        )

    def stat(self, bucket: str, key: str) -> ObjectInfo | None:
        """HEAD an object; None when it isn't there."""
        with _explained(f"{bucket}/{key}"):
            try:
                found = self.client.stat_object(bucket, key)
            except S3Error as e:
                if e.code in _NO_SUCH:
                    return None
                raise
        assert found.last_modified is not None
        return ObjectInfo(
            bucket,
            key,
            (found.etag or "").strip('"'),
            found.size or 0,
            found.last_modified,
            _version(found.version_id),
            found.content_type,
        )

    def read(self, bucket: str, key: str, *, offset: int = 0, length: int = 0, etag: str | None = None) -> bytes:
        """The object's bytes from `offset` on: all of them, or `length`.

        Raises:
            InputError: SOURCE_MISSING, or SOURCE_CHANGED when `etag` no longer matches.
        """
        headers: dict[str, str | list[str] | tuple[str]] = {"If-Match": f'"{etag}"'} if etag else {}
        with _explained(f"{bucket}/{key}"):
            response = self.client.get_object(bucket, key, offset=offset, length=length, request_headers=headers)
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

    def download(self, bucket: str, key: str, path: Path, *, etag: str | None = None) -> int:
        """Stream an object to `path`; returns its bytes. A short read is tried again, never taken for the file.

        Raises:
            InputError: SOURCE_MISSING or SOURCE_CHANGED.
            TransientError: STORE_UNAVAILABLE when the connection keeps breaking.
        """
        headers: dict[str, str | list[str] | tuple[str]] = {"If-Match": f'"{etag}"'} if etag else {}
        for last in (False, False, True):
            try:
                with _explained(f"{bucket}/{key}"):
                    response = self.client.get_object(bucket, key, request_headers=headers)
                    try:
                        expected = int(response.headers.get("Content-Length", -1))
                        written = 0
                        with path.open("wb") as f:
                            for block in response.stream(_COPY_BYTES):
                                written += f.write(block)
                    finally:
                        response.close()
                        response.release_conn()
                    if expected not in (-1, written):
                        raise urllib3.exceptions.IncompleteRead(written, expected - written)
                    return written
            except TransientError:
                if last:
                    raise
        raise AssertionError("unreachable")

    def upload(self, bucket: str, key: str, path: Path, *, mime: str, cache: str = IMMUTABLE) -> None:
        """Put a file, in parts when it is large; nothing is visible until all of it is there.

        One part after the other, each twice in memory at most (32 MB): whoever has many files puts them side by side.
        """
        with _explained(f"{bucket}/{key}"):
            self.client.fput_object(
                bucket,
                key,
                str(path),
                content_type=mime,
                metadata={"Cache-Control": cache},
                part_size=_PART_BYTES,
                num_parallel_uploads=1,
            )

    def copy(self, source: ObjectInfo, bucket: str, key: str) -> None:
        """Copy an object inside the store, whatever its size; fails when it changed since it was looked at.

        Raises:
            InputError: SOURCE_MISSING or SOURCE_CHANGED.
        """
        with _explained(f"{source.bucket}/{source.key}"):
            part = ComposeSource(source.bucket, source.key, match_etag=source.etag)
            self.client.compose_object(bucket, key, [part])

    def write(self, bucket: str, key: str, data: bytes, *, mime: str, cache: str = IMMUTABLE) -> None:
        """Put bytes."""
        with _explained(f"{bucket}/{key}"):
            self.client.put_object(
                bucket, key, io.BytesIO(data), len(data), content_type=mime, metadata={"Cache-Control": cache}
            )

    def replace(self, bucket: str, key: str, data: bytes, *, mime: str, expected_etag: str | None) -> None:
        """Put bytes only over the version named by `expected_etag` (None: only where nothing is yet).

        The SDK's put takes no conditional headers, so this is a presigned PUT with If-Match / If-None-Match.

        Raises:
            NotOurs: FENCED when the object is another version by now.
        """
        condition = {"If-Match": f'"{expected_etag}"'} if expected_etag else {"If-None-Match": "*"}
        with _explained(f"{bucket}/{key}"):
            url = self.client.presigned_put_object(bucket, key, expires=timedelta(minutes=5))
            response = self._http.request(
                "PUT", url, body=data, headers={"Content-Type": mime, "Cache-Control": "no-cache", **condition}
            )
        if response.status in (409, 412):
            raise NotOurs(ErrorCode.FENCED, f"{bucket}/{key} was replaced by somebody else")
        if response.status != 200:
            raise TransientError(
                ErrorCode.STORE_UNAVAILABLE, f"{bucket}/{key}: the object store answered {response.status}"
            )

    def list(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects below a prefix, page by page with continuation tokens (never `start_after`: facts.md)."""
        with _explained(f"{bucket}/{prefix}"):
            for found in self.client.list_objects(bucket, prefix=prefix or None, recursive=True):
                if found.is_dir or found.object_name is None or found.last_modified is None:
                    continue
                yield ObjectInfo(
                    bucket,
                    found.object_name,
                    (found.etag or "").strip('"'),
                    found.size or 0,
                    found.last_modified,
                    _version(found.version_id),
                )

    def remove(self, bucket: str, key: str) -> None:
        """Delete an object; it is no error when it isn't there."""
        with _explained(f"{bucket}/{key}"):
            self.client.remove_object(bucket, key)

    def ensure_bucket(self, bucket: str) -> None:
        """Create a bucket unless it exists."""
        with _explained(bucket):
            try:
                self.client.make_bucket(bucket)
            except S3Error as e:
                if e.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                    raise

    def presigned_get(self, bucket: str, key: str, expires_s: int = 3600) -> str:
        """A URL that reads one object for a while; never log it."""
        with _explained(f"{bucket}/{key}"):
            return self.client.presigned_get_object(bucket, key, expires=timedelta(seconds=expires_s))


def _version(version_id: str | None) -> str | None:
    return None if version_id in (None, "", "null") else version_id


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn whatever the SDK or the socket raises into our errors."""
    try:
        yield
    except S3Error as e:
        raise _from_s3(e, what) from e
    except (MinioException, urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as e:
        raise TransientError(
            ErrorCode.STORE_UNAVAILABLE, f"{what}: the object store did not answer", f"{type(e).__name__}: {e}"
        ) from e


def _from_s3(e: S3Error, what: str) -> TelecineError:
    if e.code in _NO_SUCH:
        return InputError(ErrorCode.SOURCE_MISSING, f"{what} is not in the bucket any more")
    if e.code == "PreconditionFailed":
        return InputError(ErrorCode.SOURCE_CHANGED, f"{what} was replaced after it was listed")
    if e.code in _DENIED:
        return ConfigurationError(ErrorCode.STORE_DENIED, f"{what}: the object store refused ({e.code})", e.message)
    return TransientError(ErrorCode.STORE_UNAVAILABLE, f"{what}: the object store failed ({e.code})", e.message)
