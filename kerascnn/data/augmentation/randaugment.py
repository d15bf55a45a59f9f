"""RandAugment (Cubuk 2019, arXiv:1909.13719): random distortions of one strength, out of 14."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kerascnn.lazy import np

if TYPE_CHECKING:
    from PIL import Image

HIGHEST = 10
"""The magnitude at which every distortion is strongest, as in AutoAugment's Table 6."""
GREY = 128
"""Value of pixels from outside the image."""


def _moved(picture: Image.Image, coefficients: tuple[float, ...]) -> Image.Image:
    from PIL import Image

    fill: Any = (GREY,) * 3 if picture.mode == "RGB" else GREY
    return picture.transform(
        picture.size,
        Image.Transform.AFFINE,
        coefficients,
        Image.Resampling.BILINEAR,
        fillcolor=fill,
    )


def _rotated(picture: Image.Image, part: float) -> Image.Image:
    from PIL import Image

    fill: Any = (GREY,) * 3 if picture.mode == "RGB" else GREY
    return picture.rotate(30 * part, Image.Resampling.BILINEAR, fillcolor=fill)


def _sheared_x(picture: Image.Image, part: float) -> Image.Image:
    slope = 0.3 * part
    return _moved(picture, (1, slope, -slope * picture.height / 2, 0, 1, 0))


def _sheared_y(picture: Image.Image, part: float) -> Image.Image:
    slope = 0.3 * part
    return _moved(picture, (1, 0, 0, slope, 1, -slope * picture.width / 2))


def _shifted_x(picture: Image.Image, part: float) -> Image.Image:
    return _moved(picture, (1, 0, 0.45 * part * picture.width, 0, 1, 0))


def _shifted_y(picture: Image.Image, part: float) -> Image.Image:
    return _moved(picture, (1, 0, 0, 0, 1, 0.45 * part * picture.height))


def _enhanced(name: str) -> Callable[[Image.Image, float], Image.Image]:
    def enhance(picture: Image.Image, part: float) -> Image.Image:
        from PIL import ImageEnhance

        return getattr(ImageEnhance, name)(picture).enhance(1 + 0.9 * part)

    return enhance


def _solarized(picture: Image.Image, part: float) -> Image.Image:
    from PIL import ImageOps

    return ImageOps.solarize(picture, round(256 * (1 - abs(part))))


def _posterized(picture: Image.Image, part: float) -> Image.Image:
    from PIL import ImageOps

    return ImageOps.posterize(picture, 8 - round(4 * abs(part)))


def _equalized(picture: Image.Image, part: float) -> Image.Image:
    from PIL import ImageOps

    return ImageOps.equalize(picture)


def _contrasted(picture: Image.Image, part: float) -> Image.Image:
    from PIL import ImageOps

    return ImageOps.autocontrast(picture)


DISTORTIONS: dict[str, Callable[[Any, float], Any]] = {
    "identity": lambda picture, part: picture,
    "autocontrast": _contrasted,
    "equalize": _equalized,
    "rotate": _rotated,
    "solarize": _solarized,
    "color": _enhanced("Color"),
    "posterize": _posterized,
    "contrast": _enhanced("Contrast"),
    "brightness": _enhanced("Brightness"),
    "sharpness": _enhanced("Sharpness"),
    "shear_x": _sheared_x,
    "shear_y": _sheared_y,
    "translate_x": _shifted_x,
    "translate_y": _shifted_y,
}
"""The paper's 14 distortions; each takes a picture and a strength from -1 to 1."""


def randaugment(
    picture: Image.Image, count: int, magnitude: int, random: np.random.Generator
) -> Image.Image:
    """Returns a picture after `count` random distortions in random directions.

    Args:
        picture: of mode "RGB" or "L".
        count: number of distortions, one after the other.
        magnitude: strength of the distortions, 0 to 10.
        random: the generator of this image and epoch.
    """
    names = tuple(DISTORTIONS)
    for _ in range(count):
        name = names[int(random.integers(len(names)))]
        sign = 1 if random.random() < 0.5 else -1
        picture = DISTORTIONS[name](picture, sign * magnitude / HIGHEST)
    return picture
