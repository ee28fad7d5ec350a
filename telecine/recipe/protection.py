"""How the streams of a recipe are protected: which scheme, how often keys change, and where players ask for them."""

from __future__ import annotations

import re
import string
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from telecine.recipe.base import SpecModel

_WORDS = {"base": "https://example.com", "partition": "clip-00000000", "key_id": "0" * 32}


def _template(*needed: str) -> AfterValidator:
    """A URL template that holds the needed words, and none but those that are known."""

    def check(text: str) -> str:
        words = set(re.findall(r"\{([^{}]*)\}", text))
        if words - _WORDS.keys() or re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", text)):
            raise ValueError(f"only {{{'}, {'.join(_WORDS)}}} may stand in braces")
        url = text.format_map(_WORDS)
        if missing := set(needed) - words:
            raise ValueError(f"{{{missing.pop()}}} has to stand in it, or every viewer would be given the same")
        if not url.startswith(("https://", "http://")) or not set(url) <= _IN_URLS:
            raise ValueError("has to be a URL that starts with {base}, https:// or http://")
        return text

    return AfterValidator(check)


_IN_URLS = set(string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%")  # RFC 3986

KeyUri = Annotated[
    str,
    _template("key_id"),
    Field(
        description="Where players get a key: {base} is the gateway's URL (TELECINE_GATEWAY_URL). Another server may "
        "stand here; it has to get the keys from Telecine."
    ),
]
LicenceUri = Annotated[
    str, _template("partition"), Field(description="Where players send EME clear-key licence requests.")
]


class Aes128(SpecModel):
    """HLS with whole segments encrypted (AES-128-CBC, RFC 8216 section 5.2): plays wherever HLS does."""

    scheme: Literal["aes128"]
    rotate_every: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="Segments for which a key is used; left out: one key for all."
    )
    key_uri: KeyUri = "{base}/keys/{partition}/{key_id}"


class Cbcs(SpecModel):
    """CMAF with encrypted samples (ISO/IEC 23001-7, cbcs) for DASH and for HLS (SAMPLE-AES), with clear keys."""

    scheme: Literal["cbcs"]
    key_uri: KeyUri = "{base}/keys/{partition}/{key_id}"
    licence_uri: LicenceUri = "{base}/licence/{partition}"


Protection = Annotated[Aes128 | Cbcs, Field(discriminator="scheme")]
