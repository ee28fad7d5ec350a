"""What outputs carry beside their pixels: never more than their recipe says, read back by an independent reader."""

from __future__ import annotations

import io
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import exifread
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin, TiffImagePlugin
from PIL.TiffImagePlugin import IFDRational

from telecine.artifact import MediaResult
from telecine.image import process_image
from telecine.image.icc import anonymous, srgb_profile
from telecine.recipe import parse_recipe
from telecine.samples import photo
from telecine.sniff import sniff

SECRET = "SECRET-4711"
WHEN = "2021:05:06 07:08:09"
FORMATS = ("jpeg", "png", "webp", "avif", "gif")
_B = ExifTags.Base


def private_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[_B.Make], exif[_B.Model], exif[_B.Software] = "Canon", "Canon EOS 40D", "Firmware 1.1"
    exif[_B.DateTime], exif[_B.Artist], exif[_B.HostComputer] = WHEN, "Ada", SECRET
    exif[_B.Orientation] = 6
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[_B.ExposureTime], inner[_B.FNumber], inner[_B.ISOSpeedRatings] = IFDRational(1, 125), IFDRational(28, 10), 400
    inner[_B.DateTimeOriginal], inner[_B.OffsetTimeOriginal] = WHEN, "+02:00"
    inner[_B.BodySerialNumber], inner[_B.LensSerialNumber], inner[_B.CameraOwnerName] = SECRET, SECRET, SECRET
    inner[_B.ImageUniqueID], inner[_B.MakerNote] = SECRET, b"Canon\0" + SECRET.encode()
    inner[_B.UserComment] = b"ASCII\0\0\0" + SECRET.encode()
    inner[_B.LensModel] = f"EF 50mm S/N {SECRET}"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[1], gps[2], gps[3], gps[4], gps[29] = "S", (52.0, 30.0, 36.0), "E", (13.0, 24.0, 0.0), "2021:05:06"
    return exif


def with_thumbnail(block: bytes) -> bytes:
    """An EXIF block with a second directory and a thumbnail, as cameras write them."""
    tiff = bytearray(block.removeprefix(b"Exif\0\0"))
    assert tiff[:2] == b"MM"
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(buffer, "JPEG", comment=SECRET.encode())
    thumbnail = buffer.getvalue()
    count = int.from_bytes(tiff[8:10], "big")
    pointer = 10 + 12 * count
    second = len(tiff)
    tiff[pointer : pointer + 4] = second.to_bytes(4, "big")
    at = second + 2 + 24 + 4

    def entry(tag: int, value: int) -> bytes:
        return tag.to_bytes(2, "big") + b"\0\x04\0\0\0\x01" + value.to_bytes(4, "big")

    tiff += b"\0\x02" + entry(0x201, at) + entry(0x202, len(thumbnail)) + bytes(4) + thumbnail
    return b"Exif\0\0" + bytes(tiff)


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" exif:GPSLatitude="52,30S" '
    f'aux:SerialNumber="{SECRET}"/></x:xmpmeta>'
).encode()
IPTC = b"\x1c\x02\x5a\x00\x06Berlin" + b"\x1c\x02\x37\x00\x0820210506"


def telling_profile() -> bytes:
    """A display profile whose description names a monitor's serial number."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    wide = "sRGB built-in".encode("utf-16-be")
    told = SECRET.ljust(13)[:13].encode("utf-16-be")
    assert wide in profile
    at = profile.index(b"rXYZ") + 4
    offset = int.from_bytes(profile[at : at + 4], "big") + 8
    moved = bytearray(profile.replace(wide, told))
    moved[offset : offset + 4] = round(0.51512 * 65536).to_bytes(4, "big")
    return bytes(moved)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same photo with everything private that each format can hold."""
    folder = tmp_path_factory.mktemp("sources")
    image, exif = photo(4, (120, 80)), with_thumbnail(private_exif().tobytes())
    profile = telling_profile()
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", SECRET)
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    texts.add_text("Raw profile type iptc", SECRET, zip=True)
    common: dict[str, Any] = {"exif": exif, "icc_profile": profile}
    image.save(folder / "jpeg", "JPEG", **common, xmp=XMP, comment=SECRET.encode(), dpi=(300, 300))
    data = (folder / "jpeg").read_bytes()
    resource = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(IPTC).to_bytes(4, "big") + IPTC + bytes(len(IPTC) % 2)
    segment = b"\xff\xed" + (len(resource) + 2).to_bytes(2, "big") + resource
    (folder / "jpeg").write_bytes(data[:2] + segment + data[2:] + b"trailer " + SECRET.encode())
    image.save(folder / "png", "PNG", **common, pnginfo=texts)
    image.save(folder / "webp", "WEBP", **common, xmp=XMP)
    image.save(folder / "avif", "AVIF", **common, xmp=XMP)
    image.save(folder / "heic", "HEIF", **common, xmp=XMP)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    written = private_exif()
    for tag, value in written.items():
        tags[tag] = value
    for ifd in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        tags[ifd] = dict(written.get_ifd(ifd))
    tags[700] = XMP
    image.save(folder / "tiff", "TIFF", icc_profile=profile, tiffinfo=tags)
    image.quantize(64).save(folder / "gif", "GIF", comment=SECRET.encode())
    for name in ("jpeg", "png", "avif", "tiff"):
        assert {"GPS GPSLatitude", "EXIF BodySerialNumber"} <= tags_of((folder / name).read_bytes()).keys(), name
    return {path.name: path for path in folder.iterdir()}


def made(source: Path, out: Path, **fields: Any) -> tuple[MediaResult, dict[str, bytes]]:
    outputs = [{"kind": "image", "name": format, "format": format, **fields} for format in FORMATS]
    recipe = parse_recipe({"name": "r", "outputs": outputs, "keep_details": True}, "here")
    result = process_image(source, sniff(source.read_bytes()[:65536]), recipe.images(), out)
    assert not result.failures
    return result, {a.name: (out / a.path).read_bytes() for a in result.artifacts}


def unpacked(data: bytes) -> bytes:
    """A file's bytes, and what its compressed PNG chunks hold."""
    found = data
    for kind in (b"zTXt", b"iTXt", b"iCCP"):
        at = data.find(kind)
        while at >= 0:
            for start in range(at, at + 60):
                try:
                    found += zlib.decompress(data[start:])
                except zlib.error:
                    continue
            at = data.find(kind, at + 4)
    return found


def tags_of(data: bytes) -> dict[str, str]:
    """EXIF tags as exifread, which is no part of Telecine, sees them."""
    return {name: str(value) for name, value in exifread.process_file(io.BytesIO(data), details=True).items()}


def no_private_word(data: bytes) -> None:
    for word in (SECRET, SECRET[:11], WHEN, "2021", "Berlin"):
        for coded in (word.encode(), word.encode("utf-16-be"), word.encode("utf-16-le")):
            assert coded not in unpacked(data), word


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "heic", "tiff", "gif"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"color_profile": "keep"},
        {"metadata": "preserve_technical"},
        {"metadata": "preserve_technical", "color_profile": "keep"},
        {"metadata": "preserve_all", "strip_private": True},
        {"metadata": "selective", "metadata_fields": ["GPS", "XMP", "DateTime", "Make"], "strip_private": True},
    ],
    ids=["strip_all", "strip_all+profile", "technical", "technical+profile", "all-private", "selective-private"],
)
def test_no_place_time_or_serial_number_survives(
    format: str, fields: dict[str, Any], sources: dict[str, Path], tmp_path: Path
) -> None:
    result, files = made(sources[format], tmp_path, **fields)
    for data in files.values():
        no_private_word(data)
        found = tags_of(data)
        assert not [name for name in found if "GPS" in name or "Serial" in name or "Date" in name or "Thumb" in name]
    assert SECRET not in f"{result.facts} {result.warnings}"
    no_private_word(result.preview or b"")


@pytest.mark.parametrize("source", ["jpeg", "png", "webp", "avif", "heic", "tiff"])
def test_technical_tags_survive_when_asked(source: str, sources: dict[str, Path], tmp_path: Path) -> None:
    _, files = made(sources[source], tmp_path, metadata="preserve_technical")
    for format in ("jpeg", "png", "avif"):  # exifread doesn't find EXIF in WebP files of libwebp
        found = tags_of(files[format])
        assert found["Image Model"] == "Canon EOS 40D", format
        assert found["EXIF FNumber"] == "14/5", format
        assert found.get("Image Orientation", "Horizontal (normal)") == "Horizontal (normal)"
        assert "EXIF LensModel" not in found  # this one hides a serial number
        with Image.open(io.BytesIO(files[format])) as image:
            assert image.info["icc_profile"] == srgb_profile()
    with Image.open(io.BytesIO(files["jpeg"])) as image:
        assert source != "jpeg" or image.info["dpi"] == (300, 300)
    with Image.open(io.BytesIO(files["webp"])) as image:
        assert image.getexif()[_B.Model] == "Canon EOS 40D"


def test_everything_survives_when_asked_but_the_orientation_and_the_thumbnail(
    sources: dict[str, Path], tmp_path: Path
) -> None:
    _, files = made(sources["jpeg"], tmp_path, metadata="preserve_all", width=80)
    for format in ("jpeg", "png", "webp", "avif"):
        with Image.open(io.BytesIO(files[format])) as image:
            exif = image.getexif()
            assert exif.get(_B.Orientation, 1) == 1, format
            assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "S"
            assert SECRET.encode() in exif.get_ifd(ExifTags.IFD.Exif)[_B.MakerNote]
            assert not exif.get_ifd(ExifTags.IFD.IFD1)
            packet = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
            assert b'tiff:Orientation="1"' in packet
            assert SECRET.encode() in packet
    with Image.open(io.BytesIO(files["jpeg"])) as image:
        assert b"Berlin" in image.info["photoshop"][0x0404]
        assert image.info["comment"] == SECRET.encode()
    found = tags_of(files["jpeg"])
    assert not [name for name in found if "Thumb" in name]
    assert str(found["EXIF DateTimeOriginal"]) == WHEN


def test_a_pngs_texts_stay_in_pngs_when_everything_is_kept(sources: dict[str, Path], tmp_path: Path) -> None:
    _, files = made(sources["png"], tmp_path, metadata="preserve_all")
    with Image.open(io.BytesIO(files["png"])) as image:
        assert image.info["Author"] == SECRET
        assert b'tiff:Orientation="1"' in image.info["xmp"]
    _, files = made(sources["png"], tmp_path, metadata="preserve_all", strip_private=True)
    assert b"Author" not in files["png"]


def test_only_the_chosen_fields_are_copied(sources: dict[str, Path], tmp_path: Path) -> None:
    _, files = made(sources["jpeg"], tmp_path, metadata="selective", metadata_fields=["Artist", "GPS"])
    found = tags_of(files["jpeg"])
    assert found["Image Artist"] == "Ada"
    assert "GPS GPSLatitude" in found
    assert not [name for name in found if "Date" in name and "GPS" not in name]
    assert "Image Make" not in found


def test_details_hold_the_whole_metadata_and_lift_the_coordinates_out(sources: dict[str, Path], tmp_path: Path) -> None:
    result, _ = made(sources["jpeg"], tmp_path)
    details = result.details
    assert details is not None
    assert details["coordinates"] == {"latitude": -52.51, "longitude": 13.4}
    assert details["orientation"] == 6
    assert details["exif"]["BodySerialNumber"] == SECRET
    assert details["iptc"]["2:90"] == ["Berlin"]
    told = {name: result.private_facts[name] for name in ("camera", "has_gps", "icc_profile")}
    assert told == {"camera": "Canon EOS 40D", "has_gps": True, "icc_profile": SECRET}


def test_a_damaged_exif_block_costs_no_output(tmp_path: Path) -> None:
    path = tmp_path / "in"
    for block in (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + b"\xff" * 40, b"Exif\0\0"):
        photo(1, (60, 40)).save(path, "JPEG", exif=block)
        for mode in ("preserve_all", "preserve_technical"):
            folder = tmp_path / f"{mode}{len(block)}"
            folder.mkdir()
            made(path, folder, metadata=mode)


def test_a_kept_profile_means_the_same_colours_without_its_story() -> None:
    profile = telling_profile()
    clean = anonymous(profile)
    assert clean is not None
    assert SECRET.encode("utf-16-be") not in clean
    assert clean[24:36] != profile[24:36]
    image = photo(2, (64, 64))
    srgb = ImageCms.createProfile("sRGB")
    managed = [
        ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(p)), srgb) for p in (profile, clean)
    ]
    assert managed[0].tobytes() == managed[1].tobytes()  # type: ignore[union-attr]


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool isn't installed")
@pytest.mark.parametrize("metadata", ["strip_all", "preserve_technical"])
def test_exiftool_finds_nothing_private(metadata: str, sources: dict[str, Path], tmp_path: Path) -> None:
    made(sources["jpeg"], tmp_path, metadata=metadata)
    told = subprocess.run(
        ["exiftool", "-a", "-G", "-ee", "-r", str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    assert "GPS" not in told
    assert "2021" not in told
    assert SECRET not in told
