"""What a recipe does to training images: the whole list, and the part that needs single images.

Windows, mirrors and RandAugment work on single images in Pillow's memory, in threads; shifts,
rotations, colours and mixtures on whole batches in TensorFlow. Every draw is a function of (seed,
epoch, sample), so neither threads nor replicas nor a restart change it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from kerascnn.data.augmentation.affine import Affine
from kerascnn.data.augmentation.randaugment import randaugment
from kerascnn.errors import MismatchError, UsageError
from kerascnn.lazy import np
from kerascnn.recipes.fields import CROPS, Recipe

if TYPE_CHECKING:
    from PIL import Image

REFERENCE_SIDE = 224
"""The input that the pixels of `shorter_side` are for."""
_ATTEMPTS = 10
_MASK = 2**64 - 1


@dataclass(frozen=True)
class Distortion:
    """The fields of a recipe that change training images, with its defaults; `Recipe` explains."""

    crop: str = Recipe.crop
    shorter_side: tuple[int, int] = Recipe.shorter_side
    area: tuple[float, float] = Recipe.area
    aspect: tuple[float, float] = Recipe.aspect
    flip: bool = Recipe.flip
    translate: int = Recipe.translate
    rotate: float = Recipe.rotate
    zoom: float = Recipe.zoom
    lighting: float = Recipe.lighting
    jitter: float = Recipe.jitter
    randaugment: int = Recipe.randaugment
    magnitude: int = Recipe.magnitude
    mixup: float = Recipe.mixup
    cutmix: float = Recipe.cutmix

    def __post_init__(self) -> None:
        _ = self.affine  # for its errors
        if self.crop not in CROPS:
            raise UsageError(f"crop is {self.crop!r}; it can be {', '.join(CROPS)}")

    @classmethod
    def of(cls, recipe: Recipe) -> Distortion:
        """Returns what a recipe asks for."""
        return cls(**{one.name: getattr(recipe, one.name) for one in fields(cls)})

    @property
    def single(self) -> bool:
        """Whether images have to be taken one by one."""
        return self.crop != "none" or self.randaugment > 0

    @property
    def affine(self) -> Affine:
        """The part that is one affine map; mirrors are cheaper where single images are made."""
        return Affine(self.translate, self.flip and not self.single, self.rotate, self.zoom)

    @property
    def mixes(self) -> bool:
        """Whether images are mixed with others."""
        return self.mixup > 0 or self.cutmix > 0

    @property
    def active(self) -> bool:
        """Whether any image can change."""
        changed = self.single or self.affine.active or self.mixes
        return changed or self.lighting > 0 or self.jitter > 0

    def window(
        self, draw: np.random.Generator, width: int, height: int, size: tuple[int, int]
    ) -> tuple[float, float, float, float]:
        """Draws the part of an image that is used.

        Args:
            draw: the image's own generator.
            width, height: of the image.
            size: height and width of what it becomes.

        Returns:
            Left, upper, right and lower edge in the image's pixels.
        """
        if self.crop == "scale":
            # As if the image were resized first: one resampling gives both.
            low, high = (side / REFERENCE_SIDE for side in self.shorter_side)
            factor = (low + (high - low) * draw.random()) * max(size[1] / width, size[0] / height)
            across, down = size[1] / factor, size[0] / factor
            left, upper = (width - across) * draw.random(), (height - down) * draw.random()
            left, upper = max(left, 0.0), max(upper, 0.0)
            return left, upper, min(left + across, width), min(upper + down, height)
        for _ in range(_ATTEMPTS):
            share, where = draw.random(), draw.random()
            area = width * height * (self.area[0] + (self.area[1] - self.area[0]) * share)
            low, high = map(math.log, self.aspect)
            aspect = math.exp(low + (high - low) * where)
            across, down = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < across <= width and 0 < down <= height:
                left = int(draw.integers(width - across + 1))
                upper = int(draw.integers(height - down + 1))
                return left, upper, left + across, upper + down
        aspect = min(max(width / height, self.aspect[0]), self.aspect[1])
        across, down = min(width, height * aspect), min(height, width / aspect)
        left, upper = (width - across) / 2, (height - down) / 2
        return left, upper, left + across, upper + down

    def picture(
        self,
        draw: np.random.Generator,
        picture: Image.Image,
        size: tuple[int, int],
        interpolation: str,
    ) -> Image.Image:
        """Returns the window, mirror and distortions of one picture, in one resampling for these.

        Args:
            draw: the image's own generator.
            picture: of mode "RGB" or "L".
            size: height and width of the result.
            interpolation: Pillow's name.
        """
        from PIL import Image

        if self.crop != "none":
            box = self.window(draw, picture.width, picture.height, size)
            method = Image.Resampling[interpolation.upper()]
            picture = picture.resize(size[::-1], method, box=box)
        if self.flip and draw.random() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self.randaugment:
            picture = randaugment(picture, self.randaugment, self.magnitude, draw)
        return picture


def generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Returns the random numbers of a sample in an epoch."""
    # A counter-based generator starts anywhere at once, 4 times faster than default_rng([...]).
    key = np.array([seed & _MASK, 0x6B657261], np.uint64)
    counter = np.array([0, 0, epoch, index], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def as_picture(image: np.ndarray) -> Image.Image:
    """Returns a uint8 array of 1 or 3 channels as a picture.

    Raises:
        MismatchError: other arrays, which Pillow has no mode for.
    """
    from PIL import Image

    if image.dtype != np.uint8 or image.shape[-1] not in (1, 3):
        raise MismatchError(
            f"windows and RandAugment need uint8 images of 1 or 3 channels, got {image.dtype} of "
            f"{image.shape[-1]}; choose a recipe with crop=none and randaugment=0"
        )
    image = np.ascontiguousarray(image)
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def as_array(picture: Any) -> np.ndarray:
    """Returns a picture as a uint8 array, height x width x channels."""
    array = np.asarray(picture)
    return array[..., np.newaxis] if array.ndim == 2 else array
