"""Makes batches of images: decoding, resizing and distortions of single images, in threads.

Pillow decodes and resamples without holding Python's interpreter lock. An image becomes an array
only once, at its final size.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kerascnn.data.augmentation.policy import Distortion, as_array, as_picture, generator
from kerascnn.errors import DamagedFileError, DataError, KerasCNNError, MismatchError
from kerascnn.imaging.decode import load_picture
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.imaging.resize import centred, with_channels
from kerascnn.lazy import np, tf

CACHE_LIMIT = 2 * 2**30
"""Images whose size and channels are prepared stay in memory up to this many bytes together."""
_ALIGNMENT = 64


class ImagePreparer:
    """Gives single images the size and channels of a preprocessing, and distorts them.

    Args:
        preprocessing: its size and channels are used.
        distortion: its crops, mirrors and RandAugment are applied.
        seed: of the random numbers.
    """

    def __init__(self, preprocessing: Preprocessing, distortion: Distortion, seed: int) -> None:
        self.preprocessing = preprocessing
        self.distortion = distortion
        self.seed = seed
        self.mode = "grey" if preprocessing.channels == "grey" else "rgb"

    def __call__(self, image: Any, epoch: int, index: int) -> np.ndarray:
        """Returns the prepared image, height x width x channels.

        Args:
            image: a path, the content of a file as bytes, or an array.
            epoch, index: of the sample; its random numbers are a function of them.
        """
        if isinstance(image, np.ndarray):
            if not self.distortion.single:
                return self.preprocessing.spatial(image)
            # Pillow has no blue, green, red order; `_prepared` changes the order at the end.
            channels = self.preprocessing.channels
            picture = as_picture(with_channels(image, "rgb" if channels == "bgr" else channels))
        else:
            picture = load_picture(image, self.mode)
        return self._prepared(picture, int(epoch), int(index))

    def _prepared(self, picture: Any, epoch: int, index: int) -> np.ndarray:
        """Returns the prepared picture; undistorted, it equals `Preprocessing.spatial` bitwise."""
        from PIL import Image

        preprocessing, size = self.preprocessing, self.preprocessing.size
        method = Image.Resampling[preprocessing.interpolation.upper()]
        cropped = self.distortion.crop != "none"
        if size is None and cropped:
            raise MismatchError("random crops need a size; give the preprocessing a size")
        if size is not None and not cropped:
            before = preprocessing.size_before_cut(picture.height, picture.width)
            if before != (picture.height, picture.width):
                picture = picture.resize(before[::-1], method)
            if before != size:
                array = centred(as_array(picture), size, preprocessing.pad_value)
                if not self.distortion.single:
                    return with_channels(array, preprocessing.channels)
                picture = as_picture(array)
        if self.distortion.single:
            random = generator(self.seed, epoch, index)
            picture = self.distortion.picture(
                random, picture, size or (0, 0), preprocessing.interpolation
            )
        return with_channels(as_array(picture), preprocessing.channels)


def batch_function(
    images: np.ndarray | Sequence[Path | bytes],
    prepare: ImagePreparer,
    substitutes: Substitutes | None = None,
    *,
    last: bool = False,
) -> tuple[Callable[[Any, Any, Any], Any], bool]:
    """Returns a TensorFlow function from (indices, epoch, shifts) to a batch of prepared images.

    Args:
        images: paths of files, their contents, or an array.
        prepare: prepares one image.
        substitutes: replaces images that cannot be read; None makes them errors.
        last: whether the only later changes are to add `shifts`, [B, C], and to scale the values.

    Returns:
        The function, and whether it also makes these last changes, which it does one image at a
        time while the image is in the processor's cache. Otherwise its images have values 0 to 255,
        and it ignores `shifts`.
    """
    preprocessing, distortion = prepare.preprocessing, prepare.distortion
    try:
        first = prepare(images[0], 0, 0)
    except (DataError, DamagedFileError) as error:
        if substitutes is None:
            raise
        first = substitutes.find(images, prepare, 0, 0, error)
    fits = first.nbytes * len(images) <= CACHE_LIMIT and not distortion.single
    if fits and isinstance(images, np.ndarray):
        prepared = on_host(preprocessing.spatial_batch(images))
        return (lambda indices, epoch, shifts: tf.gather(prepared, indices)), False
    values = None if fits or not last else ImageValues(preprocessing, *first.shape[1:])
    fetcher = _Fetcher(images, prepare, first, substitutes, values, keep=fits)
    dtype = first.dtype if values is None else np.float32

    def fetched(indices: Any, epoch: Any, shifts: Any) -> Any:
        # Declared stateless, since the same indices always give the same images.
        batch = tf.numpy_function(fetcher, [indices, epoch, shifts], dtype, stateful=False)
        batch.set_shape([indices.shape[0], *first.shape])
        return batch

    return fetched, values is not None


class ImageValues:
    """`Preprocessing.values` of one image with a shift of its channels, bitwise identical.

    Args:
        preprocessing: its scale and offset are used.
        width, channels: of the images.
    """

    def __init__(self, preprocessing: Preprocessing, width: int, channels: int) -> None:
        scale, offset = (np.asarray(part, np.float32) for part in preprocessing.affine())
        # Repeated for a row of the image: a product with 3 numbers takes 10 times as long.
        self._scale = np.tile(np.broadcast_to(scale, channels), width)
        self._offset = np.tile(np.broadcast_to(offset, channels), width)
        self._width = width

    def __call__(self, image: np.ndarray, shift: np.ndarray, out: np.ndarray) -> None:
        """Writes (image + shift) * scale + offset into `out`.

        Args:
            image: height x width x channels.
            shift: one number for each channel, or empty.
            out: float32, as large as the image.
        """
        rows = out.reshape(len(out), -1)
        np.multiply(image.reshape(rows.shape), self._scale, out=rows)
        offset: np.ndarray = self._offset
        if len(shift):
            offset = offset + np.tile(shift, self._width) * self._scale
        rows += offset


def _workers() -> int:
    return os.cpu_count() or 1


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_workers(), "kerascnn-images")


class Substitutes:
    """Replaces images that cannot be read by other images of the same class.

    The replacement is a function of the labels, so a repeated or resumed run uses the same one.

    Args:
        labels: of all images.
        allowed: how many images may be replaced; one more is an error.
    """

    def __init__(self, labels: np.ndarray, allowed: int) -> None:
        self._labels, self._allowed = labels, allowed
        self._faults: dict[int, str] = {}

    def find(
        self, images: Any, prepare: ImagePreparer, epoch: int, index: int, error: KerasCNNError
    ) -> np.ndarray:
        """Returns the image that replaces image `index`; warns once for each index.

        Raises:
            KerasCNNError: `error` itself, if too many images or all of the class are unreadable.
        """
        if index not in self._faults:
            self._faults[index] = str(error)
            if len(self._faults) > self._allowed:
                raise error
            warnings.warn(
                f"{error}; another image of its class takes its place "
                f"({len(self._faults)} of at most {self._allowed})",
                stacklevel=2,
            )
        same_class = np.flatnonzero(self._labels == self._labels[index])
        for other in np.roll(same_class, -int(np.searchsorted(same_class, index)) - 1):
            if int(other) in self._faults:
                continue
            with contextlib.suppress(DataError, DamagedFileError):
                return prepare(images[int(other)], epoch, index)
        raise error


class _Fetcher:
    """Makes batches of images in parallel.

    Args:
        images: paths of files, their contents, or an array.
        prepare: prepares one image.
        first: a prepared image, for shape and dtype.
        substitutes: replaces images that cannot be read; None makes them errors.
        values: scales the images; None leaves their values as they are.
        keep: keep every prepared image in memory.
    """

    def __init__(
        self,
        images: Any,
        prepare: ImagePreparer,
        first: np.ndarray,
        substitutes: Substitutes | None,
        values: ImageValues | None,
        *,
        keep: bool,
    ) -> None:
        self._images = images
        self._values = values
        self._prepare = prepare
        self._substitutes = substitutes
        self._shape, self._dtype = first.shape, first.dtype
        # The system provides memory only where it is written, so this grows with the images read.
        self._cache = np.empty((len(images), *first.shape), first.dtype) if keep else None
        self._cached = np.zeros(len(images), bool)

    def __call__(self, indices: np.ndarray, epoch: int, shifts: np.ndarray) -> np.ndarray:
        if self._cache is None:
            dtype = self._dtype if self._values is None else np.dtype(np.float32)
            result = _aligned((len(indices), *self._shape), dtype)
            self._fill(result, range(len(indices)), indices, epoch, shifts)
            return result
        missing = indices[~self._cached[indices]]
        if len(missing):
            self._fill(self._cache, missing.tolist(), missing, epoch, shifts)
            self._cached[missing] = True
        return self._cache[indices]

    def _fill(
        self, target: np.ndarray, places: Any, indices: Any, epoch: int, shifts: np.ndarray
    ) -> None:
        """Writes the images `indices` into `target` at `places`, in parallel."""

        def write_image(place: int, index: int, shift: np.ndarray) -> None:
            try:
                image = self._prepare(self._images[index], epoch, index)
            except (DataError, DamagedFileError) as error:
                if self._substitutes is None:
                    raise
                image = self._substitutes.find(self._images, self._prepare, epoch, index, error)
            if image.shape != self._shape:
                raise MismatchError(
                    f"image {index} has the shape {image.shape} and the first image "
                    f"{self._shape}; give the preprocessing a size"
                )
            if self._values is None:
                target[place] = image
            else:
                self._values(image, shift, target[place])

        def write_images(part: list[tuple[int, int, np.ndarray]]) -> None:
            for sample in part:
                write_image(*sample)

        samples = list(zip(places, indices.tolist(), shifts, strict=False))
        # One task for each thread: one task for each image reduces the rate by 6 %.
        size = -(-len(samples) // _workers())
        parts = [samples[start : start + size] for start in range(0, len(samples), size)]
        list(_pool().map(write_images, parts))


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Returns a new array that TensorFlow uses without a copy, thanks to its alignment."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def on_host(array: np.ndarray) -> tf.Tensor:
    """Returns the array as a tensor in the main memory, even where a GPU is the default device."""
    # tf.data runs on the CPU, so a tensor on a GPU would be copied back for every batch.
    with tf.device("/CPU:0"):
        return tf.constant(array)
