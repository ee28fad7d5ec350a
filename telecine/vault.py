"""Where content keys are kept: one object for each generation, below the private prefix of the input bucket.

They are sealed with AES-GCM under a key made from TELECINE_SECRET, so that neither the bucket nor a copy of it gives
them away. Belongs here: sealing, keeping, finding. Doesn't belong here: cutting keys (telecine/stream/keys.py), or
deciding who may have one (telecine/gateway).
"""

from __future__ import annotations

import json
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from telecine.errors import ConfigurationError, ErrorCode, InputError
from telecine.partition import content_keys_key
from telecine.settings import Settings
from telecine.storage import ObjectStore
from telecine.stream.keys import KeyRing, generation_of

_NONCE_BYTES = 12
_SECRET_LEAST = 32  # characters


def derived(settings: Settings, purpose: str) -> bytes:
    """32 bytes for one purpose out of TELECINE_SECRET; knowing those of one purpose tells nothing of another's.

    Raises:
        ConfigurationError: SECRET_MISSING.
    """
    secret = settings.secret.get_secret_value() if settings.secret else ""
    if len(secret) < _SECRET_LEAST:
        raise ConfigurationError(
            ErrorCode.SECRET_MISSING,
            f"protected streams need TELECINE_SECRET ({_SECRET_LEAST} characters or more, the same everywhere)",
        )
    return HKDF(SHA256(), 32, salt=None, info=f"telecine {purpose}".encode()).derive(secret.encode())


class Vault:
    """The content keys of a house.

    Raises:
        ConfigurationError: SECRET_MISSING.
    """

    def __init__(self, store: ObjectStore, settings: Settings) -> None:
        self._store, self._bucket = store, settings.input_bucket
        self._seal = AESGCM(derived(settings, "content keys"))

    def keep(self, ring: KeyRing) -> None:
        """Store a generation's keys; before anything that needs them is published."""
        where = content_keys_key(ring.partition, ring.generation)
        keys = {key.id.hex(): key.value.hex() for key in ring.keys}
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._seal.encrypt(nonce, json.dumps(keys).encode(), where.encode())
        self._store.write(self._bucket, where, sealed, mime="application/octet-stream", cache="private, no-store")

    def find(self, partition: str, key_id: bytes) -> bytes | None:
        """A key by its id; None when there is none, or its generation is gone.

        Raises:
            ConfigurationError: SECRET_MISSING when it was sealed under another secret.
            TransientError: the store doesn't answer.
        """
        where = content_keys_key(partition, generation_of(key_id))
        try:
            sealed = self._store.read(self._bucket, where)
        except InputError as e:
            if e.code is ErrorCode.SOURCE_MISSING:
                return None
            raise
        try:
            text = self._seal.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], where.encode())
        except InvalidTag:
            raise ConfigurationError(
                ErrorCode.SECRET_MISSING, f"the keys of {partition} were sealed under another TELECINE_SECRET"
            ) from None
        found = json.loads(text).get(key_id.hex())
        return bytes.fromhex(found) if found else None
