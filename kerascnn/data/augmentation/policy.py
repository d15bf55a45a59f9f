"""The augmentation that a recipe sets, and its distortions of single images with Pillow.

Crops, mirrors and RandAugment work on single images with Pillow, in threads. Shifts, rotations,
colour changes and mixing work on whole batches in TensorFlow. All random numbers are functions of
(seed, epoch, sample), so they do not depend on threads, replicas or restarts.
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
"""Size of the network's input that the recipes' `shorter_side` refers to, in pixels."""
_ATTEMPTS = 10
_MASK = 2**64 - 1


@dataclass(frozen=True)
class Distortion:
    """The fields of a recipe that change training images; `Recipe` explains them.

    Raises:
        UsageError: a field is out of range.
    """

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
        _ = self.affine  # checks translate, rotate and zoom
        if self.crop not in CROPS:
            raise UsageError(f"crop is {self.crop!r}; it can be {', '.join(CROPS)}")

    @classmethod
    def of(cls, recipe: Recipe) -> Distortion:
        """Returns the distortion that a recipe sets."""
        return cls(**{field.name: getattr(recipe, field.name) for field in fields(cls)})

    @property
    def single(self) -> bool:
        """Whether some distortions work on single images."""
        return self.crop != "none" or self.randaugment > 0

    @property
    def affine(self) -> Affine:
        """The affine map of batches; it mirrors images unless `picture` does that at less cost."""
        return Affine(self.translate, self.flip and not self.single, self.rotate, self.zoom)

    @property
    def mixes(self) -> bool:
        """Whether images are mixed with other images."""
        return self.mixup > 0 or self.cutmix > 0

    @property
    def active(self) -> bool:
        """Whether any image can change."""
        changed = self.single or self.affine.active or self.mixes
        return changed or self.lighting > 0 or self.jitter > 0

    def window(
        self, random: np.random.Generator, width: int, height: int, size: tuple[int, int]
    ) -> tuple[float, float, float, float]:
        """Returns a random window of an image, for the recipe's crop "scale" or "area".

        Args:
            random: the generator of this image and epoch.
            width, height: of the image.
            size: height and width that the window is resized to.

        Returns:
            Left, upper, right and lower edge in the image's pixels.
        """
        if self.crop == "scale":
            # The window of the original image that equals a crop of the resized one; so resizing
            # and cropping take one resampling.
            low, high = (side / REFERENCE_SIDE for side in self.shorter_side)
            factor = (low + (high - low) * random.random()) * max(size[1] / width, size[0] / height)
            across, down = size[1] / factor, size[0] / factor
            left, upper = (width - across) * random.random(), (height - down) * random.random()
            left, upper = max(left, 0.0), max(upper, 0.0)
            return left, upper, min(left + across, width), min(upper + down, height)
        for _ in range(_ATTEMPTS):
            area_part, aspect_part = random.random(), random.random()
            area = width * height * (self.area[0] + (self.area[1] - self.area[0]) * area_part)
            low, high = map(math.log, self.aspect)
            aspect = math.exp(low + (high - low) * aspect_part)
            across, down = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < across <= width and 0 < down <= height:
                left = int(random.integers(width - across + 1))
                upper = int(random.integers(height - down + 1))
                return left, upper, left + across, upper + down
        # No window fitted: the largest central one with an allowed aspect ratio.
        aspect = min(max(width / height, self.aspect[0]), self.aspect[1])
        across, down = min(width, height * aspect), min(height, width / aspect)
        left, upper = (width - across) / 2, (height - down) / 2
        return left, upper, left + across, upper + down

    def picture(
        self,
        random: np.random.Generator,
        picture: Image.Image,
        size: tuple[int, int],
        interpolation: str,
    ) -> Image.Image:
        """Returns a picture after the crop, mirror and RandAugment of this distortion.

        Args:
            random: the generator of this image and epoch.
            picture: of mode "RGB" or "L".
            size: height and width of the result, if it is cropped.
            interpolation: Pillow's name of the method, such as "bilinear".
        """
        from PIL import Image

        if self.crop != "none":
            box = self.window(random, picture.width, picture.height, size)
            method = Image.Resampling[interpolation.upper()]
            picture = picture.resize(size[::-1], method, box=box)
        if self.flip and random.random() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self.randaugment:
            picture = randaugment(picture, self.randaugment, self.magnitude, random)
        return picture


def generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Returns the random generator of a sample in an epoch."""
    # A counter-based generator needs no start-up: 4 times as fast as default_rng([...]).
    key = np.array([seed & _MASK, 0x6B657261], np.uint64)
    counter = np.array([0, 0, epoch, index], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def as_picture(image: np.ndarray) -> Image.Image:
    """Returns a Pillow image of a uint8 array, height x width x 1 or 3 channels.

    Raises:
        MismatchError: Pillow has no mode for the array's dtype or channels.
    """
    from PIL import Image

    if image.dtype != np.uint8 or image.shape[-1] not in (1, 3):
        raise MismatchError(
            f"crops and RandAugment need uint8 images of 1 or 3 channels, got {image.dtype} of "
            f"{image.shape[-1]}; choose a recipe with crop=none and randaugment=0"
        )
    image = np.ascontiguousarray(image)
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def as_array(picture: Any) -> np.ndarray:
    """Returns the uint8 array, height x width x channels, of a Pillow image."""
    array = np.asarray(picture)
    return array[..., np.newaxis] if array.ndim == 2 else array
