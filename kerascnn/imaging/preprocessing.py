"""How an image becomes a model's input: size, crop, channel order, scale, mean and deviation.

A checkpoint without its preprocessing is half a checkpoint, so this is one frozen record that
travels with a run, an export and a set of weights, and does the same everywhere. Its two halves
are kept apart: `spatial` (Pillow, any dtype kept) and `values` (one affine step, in float32), so
that prepared images can be cached as bytes and the second half can move into a model.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.imaging.resize import centred, resized, with_channels
from kerascnn.lazy import np

FITS = ("resize", "crop", "pad", "none")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")
CHANNELS = {"grey": 1, "rgb": 3, "bgr": 3, "any": None}


@dataclass(frozen=True)
class Preprocessing:
    """Turns images with values 0 to 255 into what a model was trained on.

    Attributes:
        size: height and width of the result in pixels; None keeps the image's.
        fit: how an image gets that size. "resize": both sides exactly. "crop": the shorter side
            becomes `resize`, then the centre is cut out. "pad": the longer side becomes `resize`,
            then the image is centred on a canvas of `pad_value`, unless it had the size already.
            "none": it must have it.
        resize: pixels, for "crop" and "pad" only. None leaves the image as it is before the crop;
            before the pad it is then only shrunk where it would not fit.
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos", antialiased as Pillow does.
        channels: "grey", "rgb", "bgr", or "any" for arrays of other channels, left as they are.
        scale: with mean and std, y = (x * scale - mean) / std.
        mean: one number, or one for each channel of the result (so in blue, green, red for "bgr").
        std: likewise, none of them zero.
        pad_value: what surrounds a padded or distorted image, 0 to 255.

    Raises:
        UsageError: a field is of the wrong kind or out of range.
    """

    size: tuple[int, int] | None
    fit: str = "resize"
    resize: int | None = None
    interpolation: str = "bilinear"
    channels: str = "rgb"
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    pad_value: int = 0

    def __post_init__(self) -> None:
        for name in ("size", "mean", "std"):
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        if self.size is not None and not (
            isinstance(self.size, tuple) and len(self.size) == 2 and all(map(_positive, self.size))
        ):
            raise UsageError(f"size is {self.size!r}; give (height, width) in pixels, or None")
        _one_of("fit", self.fit, FITS)
        _one_of("interpolation", self.interpolation, INTERPOLATIONS)
        _one_of("channels", self.channels, tuple(CHANNELS))
        if self.fit in ("crop", "pad") and self.size is None:
            raise UsageError(f"fit={self.fit!r} needs a size; give (height, width) in pixels")
        if self.resize is not None:
            if self.fit not in ("crop", "pad"):
                raise UsageError(
                    f"resize={self.resize!r} is for fit='crop' or 'pad', not {self.fit!r}"
                )
            if not _positive(self.resize):
                raise UsageError(
                    f"resize is {self.resize!r}; it must be a number of pixels, 1 or more"
                )
            if self.fit == "pad" and self.resize > max(self.size or ()):
                raise UsageError(f"resize={self.resize} is larger than the canvas {self.size}")
        if not _number(self.scale) or self.scale == 0:
            raise UsageError(f"scale is {self.scale!r}; it must be a finite number other than 0")
        for name in ("mean", "std"):
            self._check_per_channel(name)
        if not isinstance(self.pad_value, int) or not 0 <= self.pad_value <= 255:
            raise UsageError(f"pad_value is {self.pad_value!r}; it must be a whole number 0 to 255")

    def _check_per_channel(self, name: str) -> None:
        value = getattr(self, name)
        if not (isinstance(value, tuple) and value and all(map(_number, value))):
            raise UsageError(f"{name} is {value!r}; give a tuple of finite numbers")
        if name == "std" and 0 in value:
            raise UsageError(f"std is {value!r}; no deviation may be zero")
        count = CHANNELS[self.channels]
        if count is not None and len(value) not in (1, count):
            raise UsageError(
                f"{name} has {len(value)} numbers; channels={self.channels!r} needs 1 or {count}"
            )
        if count is None and len({1, len(self.mean), len(self.std)}) > 2:
            raise UsageError(f"mean has {len(self.mean)} numbers and std {len(self.std)}")

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns the float32 input for an image, H x W (x C), or a batch, N x H x W x C."""
        images = np.asarray(images)
        return self.values(self.spatial_batch(images) if images.ndim == 4 else self.spatial(images))

    def spatial(self, image: np.ndarray) -> np.ndarray:
        """Returns the image with this record's channels and size; dtype and range of values stay.

        Args:
            image: height x width x channels, or height x width, uint8 or float; never written to.
                The result is the same memory where there is nothing to do.

        Raises:
            MismatchError: another dtype or number of dimensions, channels that cannot be converted,
                or another size where `fit` is "none".
        """
        image = np.asarray(image)
        if image.ndim == 2:
            image = image[:, :, np.newaxis]
        if image.ndim != 3 or 0 in image.shape:
            raise MismatchError(
                f"an image of shape {image.shape} came; needed is height x width x channels"
            )
        if image.dtype != np.uint8 and image.dtype.kind != "f":
            raise MismatchError(f"an image of {image.dtype} came; needed is uint8 or float")
        image = with_channels(image, self.channels)
        if self.size is None:
            return image
        image = resized(image, self.size_before_cut(*image.shape[:2]), self.interpolation)
        return centred(image, self.size, self.pad_value)

    def spatial_batch(self, images: np.ndarray) -> np.ndarray:
        """Returns what `spatial` gives for each of N x H x W x C images, as one array."""
        if not len(images):
            raise MismatchError("the batch holds no image; at least one is needed")
        first = self.spatial(images[0])
        height, width, channels = images.shape[1:]
        if self._keeps_channels(channels):
            if self.size is None:
                return images
            if self.size_before_cut(height, width) == (height, width):
                return centred(images, self.size, self.pad_value)
        result = np.empty((len(images), *first.shape), first.dtype)

        def fill(part: np.ndarray) -> None:
            for index in part:
                result[index] = self.spatial(images[index])

        # Pillow works outside the interpreter's lock.
        workers = os.cpu_count() or 1
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(fill, np.array_split(np.arange(len(images)), workers)))
        return result

    def size_before_cut(self, height: int, width: int) -> tuple[int, int]:
        """Returns the height and width that an image is resized to before it is cut or padded."""
        size = self.size
        if size is None or (self.fit == "none" and (height, width) == size):
            return height, width
        if self.fit == "none":
            raise MismatchError(
                f"an image of {height} x {width} came and {size[0]} x {size[1]} is needed; "
                "give fit='resize', 'crop' or 'pad'"
            )
        if self.fit == "resize":
            return size
        if self.fit == "crop":
            if self.resize is None:
                return height, width
            # torchvision's rounding: the longer side is cut off, not rounded.
            if height <= width:
                return self.resize, int(self.resize * width / height)
            return int(self.resize * height / width), self.resize
        if (height, width) == size:
            return size
        wanted = 1.0 if self.resize is None else self.resize / max(height, width)
        factor = min(size[0] / height, size[1] / width, wanted)
        return max(1, round(height * factor)), max(1, round(width * factor))

    def _keeps_channels(self, channels: int | None) -> bool:
        return self.channels == "any" or (
            self.channels != "bgr" and channels == CHANNELS[self.channels]
        )

    def values(self, images: np.ndarray) -> np.ndarray:
        """Returns x * scale + offset in float32, in new memory, for images of any leading shape."""
        scale, offset = self.affine()
        images = np.asarray(images)
        if len(scale) > 1 and images.shape[-1:] != (len(scale),):
            raise MismatchError(
                f"images of shape {images.shape} came; mean and std are of {len(scale)} channels"
            )
        result = images.astype(np.float32, order="C")
        # NumPy works along the last axis, which is short: whole lines are ten times as fast.
        columns = (images.shape[-2] or 1) if images.ndim > 2 and len(scale) > 1 else 1
        lines = result.reshape(*images.shape[:-2], columns * len(scale)) if columns > 1 else result
        lines *= np.tile(np.asarray(scale, np.float32), columns)
        lines += np.tile(np.asarray(offset, np.float32), columns)
        return result

    def affine(self) -> tuple[list[float], list[float]]:
        """Returns scale and offset for each channel, so that y = x * scale + offset."""
        count = CHANNELS[self.channels] or max(len(self.mean), len(self.std))
        mean = self.mean * (count if len(self.mean) == 1 else 1)
        std = self.std * (count if len(self.std) == 1 else 1)
        return [self.scale / s for s in std], [-m / s for m, s in zip(mean, std, strict=True)]

    def output_channels(self, channels: int) -> int:
        """Returns the number of channels that images of `channels` channels have afterwards."""
        return CHANNELS[self.channels] or channels

    def leaves(self, shape: tuple[int | None, ...]) -> bool:
        """Tells whether `spatial` does nothing to images of this height, width and channels."""
        height, width, channels = shape
        return self._keeps_channels(channels) and (
            self.size is None or ((height, width) == self.size == self.size_before_cut(*self.size))
        )

    def to_json(self) -> dict[str, Any]:
        """Returns a dictionary for JSON from which `from_json` makes an equal record."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Preprocessing:
        """Makes the record that `to_json` was called on.

        Raises:
            UsageError: it is no dictionary, `size` is missing, a field is unknown or out of range.
        """
        if not isinstance(record, dict) or "size" not in record:
            raise UsageError("a preprocessing record is a dictionary with at least 'size'")
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(record) - set(known), key=str)
        if unknown:
            raise UsageError(f"unknown field {unknown[0]!r} of a preprocessing; known: {known}")
        return cls(**record)

    @classmethod
    def for_data(
        cls,
        image_shape: Sequence[int | None],
        input_shape: Sequence[int | None],
        base: Preprocessing | None = None,
    ) -> Preprocessing:
        """Chooses how the images of a data set get into a model.

        An image up to 1/8 smaller than the input is padded, as LeCun et al. (1998) put the 28 x 28
        digits into 32 x 32; any other size is resized, or cropped where `base` crops and the image
        is larger.

        Args:
            image_shape: height, width, channels of the data; None where they vary.
            input_shape: the same of the model; None where it takes any.
            base: what the weights or the row of the model ask for; its values are kept.

        Raises:
            MismatchError: the channels cannot be converted, or sizes vary and the model's is open.
        """
        height, width, channels = image_shape
        wanted_height, wanted_width, wanted_channels = input_shape
        base = base or cls(size=None, channels="rgb")
        kind = _channels_for(channels, wanted_channels, base)
        mean, std = _averaged(base.mean, wanted_channels), _averaged(base.std, wanted_channels)
        base = replace(base, channels=kind, mean=mean, std=std)
        if wanted_height is None or wanted_width is None:
            if height is None or width is None:
                raise MismatchError(
                    "the images differ in size and the model takes any; give a preprocessing a size"
                )
            return replace(base, size=(height, width), fit="resize", resize=None)
        size = (wanted_height, wanted_width)
        if height is not None and width is not None:
            gaps = (size[0] - height, size[1] - width)
            if gaps != (0, 0) and all(0 <= gap <= s / 8 for gap, s in zip(gaps, size, strict=True)):
                return replace(base, size=size, fit="pad", resize=max(height, width))
        if base.fit == "crop" and base.size is not None and base.resize is not None:
            # Images no larger than the input have been prepared: they are used whole. The margin of
            # others keeps its share at any size.
            whole = all(
                have is not None and have <= want
                for have, want in zip((height, width), size, strict=True)
            )
            margin = 1.0 if whole else base.resize / min(base.size)
            return replace(base, size=size, resize=round(margin * min(size)))
        return replace(base, size=size, fit="resize", resize=None)


HALF = (0.5, 0.5, 0.5)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def crop(
    size: int,
    resize: int | None = None,
    interpolation: str = "bilinear",
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
) -> Preprocessing:
    """Returns what photographs get before a network trained on ImageNet sees them.

    The shorter side to `resize` (None for `size` / 0.875), the centre of `size`, then mean and
    deviation of values in [0, 1].
    """
    resize = round(size / 0.875) if resize is None else resize
    return Preprocessing(
        size=(size, size),
        fit="crop",
        resize=resize,
        interpolation=interpolation,
        mean=mean,
        std=std,
    )


def _positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} is {value!r}; it can be {', '.join(allowed)}")


def _channels_for(channels: int | None, wanted: int | None, base: Preprocessing) -> str:
    if wanted == 3 and channels in (1, 3, None):
        return base.channels if base.channels in ("rgb", "bgr") else "rgb"
    if wanted == 1 and channels in (1, 3, None):
        return "grey"
    if channels == wanted:
        return "any"
    raise MismatchError(
        f"the images have {channels} channels and the model takes {wanted}; "
        "only 1 and 3 can be converted into each other"
    )


def _averaged(values: tuple[float, ...], channels: int | None) -> tuple[float, ...]:
    return values if len(values) in (1, channels) else (sum(values) / len(values),)
