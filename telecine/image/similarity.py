"""How alike two pictures look: SSIM (Wang et al., 2004) of their luminance over blocks of 8 x 8 pixels.

Blocks side by side instead of a sliding window: a fortieth of the work, and means over a whole picture differ in the
third decimal. Done with Pillow alone, because pool processes should not need to import numpy for it.
"""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageMath

BLOCK = 8
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # the constants of the paper for 8 bits


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Mean SSIM of two pictures of equal size, 1.0 for equal ones; alpha counts as seen on white.

    Raises:
        ValueError: the sizes differ.
    """
    if one.size != other.size:
        raise ValueError(f"{one.size} and {other.size} can't be compared")
    x, y = _luminance(one), _luminance(other)
    block = min(BLOCK, *one.size)
    mean_x, mean_y = x.reduce(block), y.reduce(block)
    squares_x, squares_y, products = (
        ImageMath.lambda_eval(lambda a: a["p"] * a["q"], p=p, q=q).reduce(block) for p, q in ((x, x), (y, y), (x, y))
    )
    blocks = ImageMath.lambda_eval(_ssim_of_means, mx=mean_x, my=mean_y, xx=squares_x, yy=squares_y, xy=products)
    # Blocks at the right and lower edge may be cut off; they count like the others.
    mean: Any = blocks.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    return float(mean)


def _ssim_of_means(a: dict[str, Any]) -> Any:
    mx, my = a["mx"], a["my"]
    product = mx * my
    squares = mx * mx + my * my
    covariance = a["xy"] - product
    variances = a["xx"] + a["yy"] - squares
    return (product * 2 + _C1) * (covariance * 2 + _C2) / ((squares + _C1) * (variances + _C2))


def _luminance(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("L").convert("F")
