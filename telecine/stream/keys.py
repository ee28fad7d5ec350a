"""Content keys of one generation: cutting them, and the addresses at which players get them.

Belongs here: the keys while a stream is made. Doesn't belong here: keeping them (telecine/vault.py), giving them out
(telecine/gateway), or encrypting with them (aes128.py, cbcs.py). A key is never part of a `repr`, a log line, an argv.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

_ID_RANDOM_BYTES = 12


@dataclass(frozen=True, slots=True)
class ContentKey:
    """One AES-128 key.

    Attributes:
        id: 16 bytes: the generation (4 bytes, big-endian), then random ones; the KID of ISO/IEC 23001-7. Not secret.
        value: 16 bytes, the secret.
    """

    id: bytes
    value: bytes = field(repr=False)


def generation_of(key_id: bytes) -> int:
    """The generation whose keys hold this one."""
    return int.from_bytes(key_id[: 16 - _ID_RANDOM_BYTES], "big")


@dataclass
class KeyRing:
    """The keys of one generation of a partition, as they are cut.

    Attributes:
        base: URL of the gateway, without a trailing slash.
    """

    partition: str
    generation: int
    base: str
    keys: list[ContentKey] = field(default_factory=list)

    def cut(self) -> ContentKey:
        """A new key, random."""
        key_id = self.generation.to_bytes(16 - _ID_RANDOM_BYTES, "big") + secrets.token_bytes(_ID_RANDOM_BYTES)
        key = ContentKey(key_id, secrets.token_bytes(16))
        self.keys.append(key)
        return key

    def address(self, template: str, key: ContentKey) -> str:
        """A URL out of a recipe's template."""
        return template.format(base=self.base, partition=self.partition, key_id=key.id.hex())
