"""From indices to batches of images: decoding, sizes and single-image distortions, in threads.

Decoding and resampling happen outside the interpreter's lock, in Pillow's memory: an image becomes
an array once, at its last size.
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

# Spatially prepared images up to this size together stay in memory, as bytes.
CACHE_LIMIT = 2 * 2**30
_ALIGNMENT = 64


class Maker:
    """Makes one spatially prepared image: from a file, its bytes or an array; distorted or not.

    Args:
        preprocessing: for size and channels.
        distortion: its windows, mirrors and RandAugment are done here.
        seed: of the draws.
    """

    def __init__(self, preprocessing: Preprocessing, distortion: Distortion, seed: int) -> None:
        self.preprocessing = preprocessing
        self.distortion = distortion
        self.seed = seed
        self.mode = "grey" if preprocessing.channels == "grey" else "rgb"

    def __call__(self, image: Any, epoch: int, index: int) -> np.ndarray:
        """Returns height x width x channels.

        Args:
            image: a path, bytes, or an array.
            epoch, index: which the draws are a function of.
        """
        if isinstance(image, np.ndarray):
            if not self.distortion.single:
                return self.preprocessing.spatial(image)
            picture = as_picture(with_channels(image, _upright(self.preprocessing.channels)))
        else:
            picture = load_picture(image, self.mode)
        return self._finished(picture, int(epoch), int(index))

    def _finished(self, picture: Any, epoch: int, index: int) -> np.ndarray:
        """Does to a picture what `Preprocessing.spatial` does to an array, to the last bit."""
        from PIL import Image

        rule, size = self.preprocessing, self.preprocessing.size
        method = Image.Resampling[rule.interpolation.upper()]
        cropped = self.distortion.crop != "none"
        if size is None and cropped:
            raise MismatchError("windows of images need a size; give the preprocessing a size")
        if size is not None and not cropped:
            before = rule.size_before_cut(picture.height, picture.width)
            if before != (picture.height, picture.width):
                picture = picture.resize(before[::-1], method)
            if before != size:
                array = as_array(picture)
                if not self.distortion.single:
                    return with_channels(centred(array, size, rule.pad_value), rule.channels)
                picture = as_picture(centred(array, size, rule.pad_value))
        if self.distortion.single:
            draw = generator(self.seed, epoch, index)
            picture = self.distortion.picture(draw, picture, size or (0, 0), rule.interpolation)
        return with_channels(as_array(picture), rule.channels)


def _upright(channels: str) -> str:
    """Returns the order in which pictures hold the channels that are asked for."""
    return "rgb" if channels == "bgr" else channels


def gathering(
    images: np.ndarray | Sequence[Path | bytes],
    make: Maker,
    substitutes: Substitutes | None = None,
    *,
    last: bool = False,
) -> tuple[Callable[[Any, Any, Any], Any], bool]:
    """Returns the TensorFlow function from (indices, epoch, shifts) to a batch of prepared images.

    Args:
        images: files, their contents, or an array.
        make: prepares one of them.
        substitutes: for images that cannot be read; None lets them raise.
        last: whether nothing is done to the images after this but adding `shifts`, [B, C], and
            their final values.

    Returns:
        The function, and whether it does that too, one image at a time while it is in the
        processor's cache; otherwise its images hold 0 to 255 and `shifts` are not used.
    """
    preprocessing, distortion = make.preprocessing, make.distortion
    try:
        first = make(images[0], 0, 0)
    except (DataError, DamagedFileError) as error:
        if substitutes is None:
            raise
        first = substitutes.find(images, make, 0, 0, error)
    fits = first.nbytes * len(images) <= CACHE_LIMIT and not distortion.single
    if fits and isinstance(images, np.ndarray):
        prepared = on_host(preprocessing.spatial_batch(images))
        return (lambda indices, epoch, shifts: tf.gather(prepared, indices)), False
    values = None if fits or not last else _Values(preprocessing, *first.shape[1:])
    fetcher = _Fetcher(images, make, first, substitutes, values, keep=fits)
    dtype = first.dtype if values is None else np.float32

    def fetched(indices: Any, epoch: Any, shifts: Any) -> Any:
        # Stateless for TensorFlow: the same indices always give the same images.
        batch = tf.numpy_function(fetcher, [indices, epoch, shifts], dtype, stateful=False)
        batch.set_shape([indices.shape[0], *first.shape])
        return batch

    return fetched, values is not None


class _Values:
    """`Preprocessing.values` of one image, equal to the last bit.

    Args:
        preprocessing: for scale and offset.
        width, channels: of the images.
    """

    def __init__(self, preprocessing: Preprocessing, width: int, channels: int) -> None:
        scale, offset = (np.asarray(part, np.float32) for part in preprocessing.affine())
        # Rows of the image: a product with three numbers takes 10 times as long.
        self._scale = np.tile(np.broadcast_to(scale, channels), width)
        self._offset = np.tile(np.broadcast_to(offset, channels), width)
        self._width = width

    def __call__(self, image: np.ndarray, shift: np.ndarray, out: np.ndarray) -> None:
        """Writes (image + shift) * scale + offset; `shift` has a number a channel, or none."""
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
    """Gives another image of the same class for one that cannot be read any more.

    Which one is a function of the labels, so a repeated or resumed run takes the same.

    Args:
        labels: of all images.
        allowed: how many may be replaced; one more raises.
    """

    def __init__(self, labels: np.ndarray, allowed: int) -> None:
        self._labels, self._allowed = labels, allowed
        self._faults: dict[int, str] = {}

    def find(
        self, images: Any, make: Maker, epoch: int, index: int, error: KerasCNNError
    ) -> np.ndarray:
        """Returns the image that takes the place of `index`; tells so once for each.

        Raises:
            KerasCNNError: `error` itself, where too many are bad, or all of the class.
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
        alike = np.flatnonzero(self._labels == self._labels[index])
        for other in np.roll(alike, -int(np.searchsorted(alike, index)) - 1):
            if int(other) in self._faults:
                continue
            with contextlib.suppress(DataError, DamagedFileError):
                return make(images[int(other)], epoch, index)
        raise error


class _Fetcher:
    """Makes batches of images in parallel, and keeps each image where memory allows."""

    def __init__(
        self,
        images: Any,
        make: Maker,
        first: np.ndarray,
        substitutes: Substitutes | None,
        values: _Values | None,
        *,
        keep: bool,
    ) -> None:
        self._images = images
        self._values = values
        self._make = make
        self._substitutes = substitutes
        self._shape, self._dtype = first.shape, first.dtype
        # Memory that is not written to is not taken, so this grows with what was read.
        self._kept = np.empty((len(images), *first.shape), first.dtype) if keep else None
        self._has = np.zeros(len(images), bool)

    def __call__(self, indices: np.ndarray, epoch: int, shifts: np.ndarray) -> np.ndarray:
        if self._kept is None:
            dtype = self._dtype if self._values is None else np.dtype(np.float32)
            result = _aligned((len(indices), *self._shape), dtype)
            self._fill(result, range(len(indices)), indices, epoch, shifts)
            return result
        missing = indices[~self._has[indices]]
        if len(missing):
            self._fill(self._kept, missing.tolist(), missing, epoch, shifts)
            self._has[missing] = True
        return self._kept[indices]

    def _fill(
        self, target: np.ndarray, places: Any, indices: Any, epoch: int, shifts: np.ndarray
    ) -> None:
        def one(place: int, index: int, shift: np.ndarray) -> None:
            try:
                image = self._make(self._images[index], epoch, index)
            except (DataError, DamagedFileError) as error:
                if self._substitutes is None:
                    raise
                image = self._substitutes.find(self._images, self._make, epoch, index, error)
            if image.shape != self._shape:
                raise MismatchError(
                    f"image {index} is {image.shape} and the first one {self._shape}; give the "
                    "preprocessing a size"
                )
            if self._values is None:
                target[place] = image
            else:
                self._values(image, shift, target[place])

        def some(part: list[tuple[int, int, np.ndarray]]) -> None:
            for sample in part:
                one(*sample)

        samples = list(zip(places, indices.tolist(), shifts, strict=False))
        # A task for each thread: one for each image costs 6 % of the rate in switches of threads.
        size = -(-len(samples) // _workers())
        parts = [samples[start : start + size] for start in range(0, len(samples), size)]
        list(_pool().map(some, parts))


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Returns new memory that TensorFlow takes over as it is, instead of copying it."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def on_host(array: np.ndarray) -> tf.Tensor:
    """Returns a tensor in the machine's own memory, wherever the network is."""
    # tf.data runs on the CPU; on a GPU the whole set would be copied back for every batch.
    with tf.device("/CPU:0"):
        return tf.constant(array)
