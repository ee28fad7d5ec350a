"""Every picture of the corpus: made right, or refused with a code and a sentence.

`pytest -s tests/integration/image/test_image_corpus.py` prints a table of all of them.
"""

from __future__ import annotations

from pathlib import Path

import exifread
import pytest
from PIL import Image, ImageChops, ImageStat

from telecine.errors import ErrorCode, InputError
from telecine.image import process_image
from telecine.recipe import parse_recipe
from telecine.sniff import HEAD_BYTES, sniff

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "image"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus isn't on this machine")

REFUSED = {
    "65536-uint32-limit.png": ErrorCode.LIMIT_EXCEEDED,
    "BlueSquare_truncated.jpg": ErrorCode.TRUNCATED_MEDIA,
    "image_invalid.jpg": ErrorCode.UNSUPPORTED_MEDIA,
    "truncated.jpg": ErrorCode.TRUNCATED_MEDIA,
    "truncated.png": ErrorCode.TRUNCATED_MEDIA,
}
OUTPUTS = parse_recipe(
    {
        "name": "corpus",
        "outputs": [
            {"kind": "image", "name": "web", "format": "jpeg", "width": 640, "height": 640},
            {"kind": "image", "asset": "thumbnails", "name": "t", "mode": "crop", "width": 150, "height": 150},
            {"kind": "image", "name": "tech", "format": "jpeg", "width": 200, "metadata": "preserve_technical"},
            {"kind": "image", "name": "all", "width": 200, "metadata": "preserve_all", "strip_private": True},
            {"kind": "image", "name": "moving", "format": "gif", "width": 100, "animated": "keep"},
        ],
    },
    "this test",
).images()


def files() -> list[Path]:
    return sorted(CORPUS.iterdir()) if CORPUS.is_dir() else []


def made(path: Path, out: Path) -> Image.Image:
    with path.open("rb") as f:
        sniffed = sniff(f.read(HEAD_BYTES))
    result = process_image(path, sniffed, OUTPUTS, out)
    facts = result.facts
    row = f"{path.name:44.44} {facts['format']:5} {facts['mode']:5} {facts['width']:>6} x {facts['height']:<6}"
    print(f"{row} {facts['icc_profile'] or '-':28.28} {' '.join(result.warnings)}")
    for artifact in result.artifacts:
        with Image.open(out / artifact.path) as written:
            assert written.size == (artifact.width, artifact.height)
            assert artifact.width <= facts["width"]
            assert artifact.height <= facts["height"]
        anonymous(out / artifact.path)
    assert not result.failures
    assert result.preview is not None
    assert len(result.preview) <= 10_000
    return Image.open(out / result.artifacts[0].path).convert("RGB")


def anonymous(path: Path) -> None:
    """Nothing private in a file, as a reader that is no part of Telecine sees it."""
    with path.open("rb") as f:
        found = exifread.process_file(f, details=True)
    forbidden = ("GPS", "Date", "Serial", "Thumb", "MakerNote", "UserComment", "Owner", "UniqueID")
    assert not [name for name in found if any(word in name for word in forbidden)]
    assert str(found.get("Image Orientation", "Horizontal (normal)")) == "Horizontal (normal)"


@pytest.mark.parametrize("path", files(), ids=lambda p: p.name)
def test_every_picture_is_made_or_refused(path: Path, tmp_path: Path) -> None:
    if path.name not in REFUSED:
        made(path, tmp_path)
        return
    with pytest.raises(InputError) as refused:
        made(path, tmp_path)
    print(f"{path.name:44.44} {refused.value}")
    assert refused.value.code is REFUSED[path.name]
    assert len(refused.value.message) > 20


def test_the_documents_table_lists_every_file_with_its_outcome() -> None:
    text = (Path(__file__).parents[3] / "docs" / "images.md").read_text()
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `") and line.count("|") == 4}
    for path in files():
        row = rows[path.name]
        expected = REFUSED[path.name].value if path.name in REFUSED else "made"
        assert row.split("|")[3].strip().startswith(expected), row


def mean_difference(a: Image.Image, b: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(a, b)).mean) / 3


def test_all_eight_orientations_show_the_same_scene(tmp_path: Path) -> None:
    reference = made(CORPUS / "Landscape_1.jpg", tmp_path)
    for orientation in range(2, 9):
        turned = made(CORPUS / f"Landscape_{orientation}.jpg", tmp_path)
        # They differ by the digit in the middle; a wrong orientation differs by more than 40.
        assert mean_difference(turned, reference) < 6, orientation


def test_cmyk_with_and_without_its_profile_shows_the_same_scene(tmp_path: Path) -> None:
    managed = made(CORPUS / "Channel_digital_image_CMYK_color.jpg", tmp_path)
    plain = made(CORPUS / "Channel_digital_image_CMYK_color_no_profile.jpg", tmp_path)
    assert mean_difference(managed, plain) < 40  # an inverted one differs by more than 90
