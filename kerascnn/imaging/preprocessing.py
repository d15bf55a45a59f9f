"""The preprocessing of a model's images: size, crop, channel order, scale, mean and deviation.

It is one frozen record that is saved with every run, export and checkpoint. It has two separate
steps: `spatial` resizes with Pillow and keeps the dtype, `values` is one affine map in float32. So
resized images can be cached as bytes, and the second step can be part of a model.
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
    """Converts images with values 0 to 255 into the input that a model was trained with.

    Attributes:
        size: height and width of the result in pixels; None keeps the size of the image.
        fit: how an image is brought to this size. "resize": both sides are resized exactly. "crop":
            the shorter side is resized to `resize`, then the centre is cut out. "pad": the longer
            side is resized to `resize`, then the image is centred on a canvas of `pad_value`,
            unless it has the size already. "none": the image must have the size.
        resize: pixels, for "crop" and "pad" only. With None, an image is not resized before the
            crop, and before padding only if it is too large for the canvas.
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos", antialiased as in Pillow.
        channels: "grey", "rgb", "bgr", or "any" for arrays with other channels, which are kept.
        scale: with mean and std, y = (x * scale - mean) / std.
        mean: one number, or one for each channel of the result (blue, green, red for "bgr").
        std: one number, or one for each channel of the result; none may be zero.
        pad_value: value of pixels outside a padded or distorted image, 0 to 255.

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
        """Returns the image with this record's channels and size, and its own dtype and values.

        Args:
            image: height x width x channels, or height x width, uint8 or float. It is not changed;
                if its channels and size are right, the result shares its memory.

        Raises:
            MismatchError: the dtype or number of dimensions is another, the channels cannot be
                converted, or the size is wrong and `fit` is "none".
        """
        image = np.asarray(image)
        if image.ndim == 2:
            image = image[:, :, np.newaxis]
        if image.ndim != 3 or 0 in image.shape:
            raise MismatchError(
                f"got an image of shape {image.shape}; it must be height x width x channels"
            )
        if image.dtype != np.uint8 and image.dtype.kind != "f":
            raise MismatchError(f"got an image of {image.dtype}; it must be uint8 or float")
        image = with_channels(image, self.channels)
        if self.size is None:
            return image
        image = resized(image, self.size_before_cut(*image.shape[:2]), self.interpolation)
        return centred(image, self.size, self.pad_value)

    def spatial_batch(self, images: np.ndarray) -> np.ndarray:
        """Returns the result of `spatial` for N x H x W x C images, as one array."""
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

        # Threads help, since Pillow does not hold Python's interpreter lock.
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
                f"got an image of {height} x {width}, but {size[0]} x {size[1]} is needed; use "
                "fit='resize', 'crop' or 'pad'"
            )
        if self.fit == "resize":
            return size
        if self.fit == "crop":
            if self.resize is None:
                return height, width
            # As in torchvision, the longer side is rounded down.
            if height <= width:
                return self.resize, int(self.resize * width / height)
            return int(self.resize * height / width), self.resize
        if (height, width) == size:
            return size
        largest = 1.0 if self.resize is None else self.resize / max(height, width)
        factor = min(size[0] / height, size[1] / width, largest)
        return max(1, round(height * factor)), max(1, round(width * factor))

    def _keeps_channels(self, channels: int | None) -> bool:
        """Returns whether images of so many channels keep their channels."""
        return self.channels == "any" or (
            self.channels != "bgr" and channels == CHANNELS[self.channels]
        )

    def values(self, images: np.ndarray) -> np.ndarray:
        """Returns x * scale + offset as a new float32 array, for images with any leading axes.

        Raises:
            MismatchError: the number of channels is not that of mean and std.
        """
        scale, offset = self.affine()
        images = np.asarray(images)
        if len(scale) > 1 and images.shape[-1:] != (len(scale),):
            raise MismatchError(
                f"got images of shape {images.shape}; mean and std have {len(scale)} channels"
            )
        result = images.astype(np.float32, order="C")
        # NumPy's loop over the short last axis is slow; whole rows are ten times as fast.
        columns = (images.shape[-2] or 1) if images.ndim > 2 and len(scale) > 1 else 1
        rows = result.reshape(*images.shape[:-2], columns * len(scale)) if columns > 1 else result
        rows *= np.tile(np.asarray(scale, np.float32), columns)
        rows += np.tile(np.asarray(offset, np.float32), columns)
        return result

    def affine(self) -> tuple[list[float], list[float]]:
        """Returns scale and offset for each channel, so that y = x * scale + offset."""
        count = CHANNELS[self.channels] or max(len(self.mean), len(self.std))
        mean = self.mean * (count if len(self.mean) == 1 else 1)
        std = self.std * (count if len(self.std) == 1 else 1)
        return [self.scale / s for s in std], [-m / s for m, s in zip(mean, std, strict=True)]

    def output_channels(self, channels: int) -> int:
        """Returns the number of channels of the result for images of `channels` channels."""
        return CHANNELS[self.channels] or channels

    def leaves(self, shape: tuple[int | None, ...]) -> bool:
        """Returns whether `spatial` leaves images of this height, width and channels unchanged."""
        height, width, channels = shape
        return self._keeps_channels(channels) and (
            self.size is None or ((height, width) == self.size == self.size_before_cut(*self.size))
        )

    @property
    def text(self) -> str:
        """A short description, such as "224x224 rgb, crop of 256, (x / 255 - 0.5) / 0.5"."""
        sides = "any size" if self.size is None else f"{self.size[0]}x{self.size[1]}"
        fit = "" if self.fit == "resize" else f", {self.fit} of {self.resize or 'the image'}"
        scale = f"x / {1 / self.scale:g}" if self.scale < 1 else f"{self.scale:g} x"
        scale = "x" if self.scale == 1 else scale
        mean, std = (
            " ".join(f"{value:.4g}" for value in dict.fromkeys(values))
            for values in (self.mean, self.std)
        )
        return f"{sides} {self.channels}{fit}, ({scale} - {mean}) / {std}"

    def to_json(self) -> dict[str, Any]:
        """Returns the record as JSON types; `from_json` makes an equal record of them."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Preprocessing:
        """Returns the record that `to_json` was called on.

        Raises:
            UsageError: `record` is no dictionary, `size` is missing, a field is unknown or out of
                range.
        """
        if not isinstance(record, dict) or "size" not in record:
            raise UsageError("a preprocessing record is a dictionary with at least 'size'")
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(record) - set(known), key=str)
        if unknown:
            raise UsageError(
                f"a preprocessing record has no field {unknown[0]!r}; its fields are "
                f"{', '.join(known)}"
            )
        return cls(**record)

    @classmethod
    def for_data(
        cls,
        image_shape: Sequence[int | None],
        input_shape: Sequence[int | None],
        base: Preprocessing | None = None,
    ) -> Preprocessing:
        """Returns the preprocessing of a data set's images for a model.

        Images up to 1/8 smaller than the input are padded, as LeCun et al. (1998) padded 28 x 28
        digits to 32 x 32. Other images are resized, or cropped if `base` crops and they are larger
        than the input.

        Args:
            image_shape: height, width, channels of the data; None where images differ.
            input_shape: height, width, channels of the model; None where any size is accepted.
            base: the preprocessing of the model's weights or row; its scale, mean and std are kept.

        Raises:
            MismatchError: the channels cannot be converted, or the images differ in size and the
                model accepts any size.
        """
        height, width, channels = image_shape
        input_height, input_width, input_channels = input_shape
        base = base or cls(size=None, channels="rgb")
        kind = _channels_for(channels, input_channels, base)
        mean, std = _averaged(base.mean, input_channels), _averaged(base.std, input_channels)
        base = replace(base, channels=kind, mean=mean, std=std)
        if input_height is None or input_width is None:
            if height is None or width is None:
                raise MismatchError(
                    "the images differ in size and the model accepts any size; give a "
                    "preprocessing with a size"
                )
            return replace(base, size=(height, width), fit="resize", resize=None)
        size = (input_height, input_width)
        if height is not None and width is not None:
            gaps = (size[0] - height, size[1] - width)
            if gaps != (0, 0) and all(0 <= gap <= s / 8 for gap, s in zip(gaps, size, strict=True)):
                return replace(base, size=size, fit="pad", resize=max(height, width))
        if base.fit == "crop" and base.size is not None and base.resize is not None:
            # Images no larger than the input are taken to be cropped already and are used whole.
            # For others, the margin that is cut off is the same part of the image at any size.
            whole = all(
                side is not None and side <= input_side
                for side, input_side in zip((height, width), size, strict=True)
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
    """Returns the usual preprocessing of photographs for networks trained on ImageNet.

    Args:
        size: side of the central crop in pixels.
        resize: length of the shorter side before the crop; None for `size` / 0.875.
        interpolation: of the resizing.
        mean, std: of each channel, for values in [0, 1].
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


def _channels_for(channels: int | None, input_channels: int | None, base: Preprocessing) -> str:
    """Returns `Preprocessing.channels` for images and a model with so many channels."""
    if input_channels == 3 and channels in (1, 3, None):
        return base.channels if base.channels in ("rgb", "bgr") else "rgb"
    if input_channels == 1 and channels in (1, 3, None):
        return "grey"
    if channels == input_channels:
        return "any"
    raise MismatchError(
        f"the images have {channels} channels and the model takes {input_channels}; "
        "only 1 and 3 can be converted into each other"
    )


def _averaged(values: tuple[float, ...], channels: int | None) -> tuple[float, ...]:
    """Returns the values of each channel, or their average if the number of channels is another."""
    return values if len(values) in (1, channels) else (sum(values) / len(values),)
