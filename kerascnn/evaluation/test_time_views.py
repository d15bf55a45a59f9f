"""Test-time views: crops, reflections and sizes of an image, whose predictions are averaged.

Krizhevsky et al. 2012 average over ten crops (the corners and the centre, and their reflections).
Simonyan and Zisserman 2014 and He et al. 2015 average over sizes; they make the network fully
convolutional, so that it takes the whole image.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kerascnn.data.sources.dataset import Split
from kerascnn.errors import MismatchError, UsageError
from kerascnn.imaging.decode import load_image
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.imaging.resize import resized, with_channels
from kerascnn.inference.classifier import Classifier
from kerascnn.lazy import np, tf
from kerascnn.models.scores import mean_log_probabilities

if TYPE_CHECKING:
    import numpy as np

MARGIN = 256 / 224
"""The default ratio of the image size to the crop size, from AlexNet."""


@dataclass(frozen=True)
class Views:
    """The views of each image; the probabilities of a network are averaged over them.

    Attributes:
        crops: 1, the image as its preprocessing gives it; or 5, the corners and the centre of a
            larger image: the one the preprocessing crops from, else 256/224 of its size.
        flip: add the reflection (left to right) of every view.
        scales: sizes of the shorter side in pixels. With crops=5, crops are cut from each size.
            With crops=1, the whole image is used if the network can be made fully convolutional,
            otherwise 5 crops of it.
    """

    crops: int = 1
    flip: bool = False
    scales: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.crops not in (1, 5):
            raise UsageError(f"crops={self.crops!r}; it must be 1 or 5 (ten with flip=True)")
        scales = self.scales
        good = isinstance(scales, tuple) and all(
            type(pixels) is int and pixels > 0 for pixels in scales
        )
        if not good or len(set(scales)) < len(scales):
            raise UsageError(f"scales={scales!r}; give a tuple of different positive whole numbers")

    @property
    def plain(self) -> bool:
        """Whether there is one view of each image, as its preprocessing gives it."""
        return self == Views()

    def __str__(self) -> str:
        parts = ["5 crops"] if self.crops == 5 else []
        parts += ["sizes " + ", ".join(map(str, self.scales))] if self.scales else []
        parts += ["reflections"] if self.flip else []
        return " and ".join(parts) or "one view"


TEN_CROP = Views(crops=5, flip=True)

Look = Callable[[Any], list[Any]]


def look_with(classifier: Classifier, preprocessing: Preprocessing, views: Views) -> Look:
    """Returns the function from an image (H x W x C) to its views, before `Preprocessing.values`.

    Raises:
        UsageError: the size of the crops is unknown.
        MismatchError: a scale is smaller than the crops.
    """
    whole = views.crops == 1
    size = preprocessing.size
    if not whole and (size is None or preprocessing.fit == "none"):
        raise UsageError(
            f"crops need a preprocessing with a size, and a fit that can enlarge; {classifier.name}"
            f" has size={size}, fit={preprocessing.fit!r}"
        )
    if not whole and size is not None and views.scales and min(views.scales) < max(size):
        raise MismatchError(
            f"crops of {size[0]} x {size[1]} do not fit into scale {min(views.scales)}; "
            f"{classifier.name} needs at least {max(size)}"
        )

    def look(image: Any) -> list[Any]:
        image = np.asarray(image)
        image = image[:, :, np.newaxis] if image.ndim == 2 else image
        if views.scales:
            shown = [_at_scale(image, preprocessing, scale) for scale in views.scales]
        else:
            shown = [(preprocessing if whole else larger(preprocessing)).spatial(image)]
        if not whole:
            shown = [
                crop for whole_image in shown for crop in five_crops(whole_image, size or (0, 0))
            ]
        return shown + [view[:, ::-1] for view in shown] if views.flip else shown

    return look


def larger(preprocessing: Preprocessing) -> Preprocessing:
    """Returns the preprocessing to the larger image that crops are cut from."""
    size, resize, margin = preprocessing.size, preprocessing.resize, MARGIN
    assert size is not None  # `look_with` has checked it
    if preprocessing.fit == "crop" and resize is not None and resize > min(size):
        margin = resize / min(size)
    elif resize is not None:
        resize = round(resize * margin)
    height, width = (round(side * margin) for side in size)
    return replace(preprocessing, size=(height, width), resize=resize)


def five_crops(image: Any, size: tuple[int, int]) -> list[Any]:
    """Returns the crops of the four corners (top first, left first) and of the centre."""
    height, width = size
    down, right = image.shape[0] - height, image.shape[1] - width
    places = ((0, 0), (0, right), (down, 0), (down, right), (round(down / 2), round(right / 2)))
    return [image[top : top + height, left : left + width] for top, left in places]


def _at_scale(image: Any, preprocessing: Preprocessing, scale: int) -> Any:
    image = with_channels(image, preprocessing.channels)
    height, width = image.shape[:2]
    if height <= width:
        size = scale, int(scale * width / height)
    else:
        size = int(scale * height / width), scale
    return resized(image, size, preprocessing.interpolation)


def answers(
    classifier: Classifier,
    split: Split,
    preprocessing: Preprocessing,
    views: Views,
    batch_size: int,
) -> Iterator[tuple[Any, Any]]:
    """Yields mean ln p (float64, N x classes) and labels in batches of `batch_size` images.

    Raises:
        UsageError, MismatchError: the views do not fit the network.
    """
    if views.scales and views.crops == 1:
        classifier, views = _for_any_size(classifier, views)
    look = look_with(classifier, preprocessing, views)
    mode = "grey" if preprocessing.channels == "grey" else "rgb"

    def shown(image: Any) -> list[Any]:
        return look(image if hasattr(image, "shape") else load_image(image, mode))

    height, width = preprocessing.size or (None, None)
    area = height * width if height and width else None
    per_image = (views.crops * max(1, len(views.scales))) << views.flip
    images_at_once = max(1, batch_size // per_image)
    with ThreadPoolExecutor() as pool:
        for rows in _chunked(raw_images(split), batch_size):
            parts = []
            for chunk in _chunked(iter(rows), images_at_once):
                looks = list(pool.map(shown, [image for image, _ in chunk]))
                parts += _mean_answers(classifier, preprocessing, looks, batch_size, area)
            yield np.stack(parts), np.asarray([label for _, label in rows])


def raw_images(split: Split) -> Iterator[tuple[Any, int]]:
    """Yields each sample of a split in order: an array or a path, and its label."""
    if isinstance(split.images, tf.data.Dataset):
        dataset = split.images
        if dataset.element_spec[0].shape.rank == 4:
            dataset = dataset.unbatch()
        yield from dataset.as_numpy_iterator()
    else:
        assert split.labels is not None  # `evaluate` has checked it
        yield from zip(split.images, split.labels, strict=True)


def _for_any_size(classifier: Classifier, views: Views) -> tuple[Classifier, Views]:
    """Returns the network for images of any size, or else the views of its own size."""
    if None in classifier.image_shape[:2]:
        return classifier, views
    if classifier.model is not None:
        from kerascnn.models.fully_convolutional import fully_convolutional
        from kerascnn.models.signature import forward

        copy = fully_convolutional(classifier.model)
        if copy is not None:
            shape = (None, None, classifier.image_shape[2])
            for_any_size = replace(classifier, scores=forward(copy), image_shape=shape, model=copy)
            return for_any_size, views
    return classifier, replace(views, crops=5)


def _mean_answers(
    classifier: Classifier,
    preprocessing: Preprocessing,
    looks: list[list[Any]],
    batch_size: int,
    area: int | None,
) -> list[Any]:
    """Returns mean ln p of each image over its views, computed in batches of equal size.

    Args:
        area: pixels of the network's own images; larger views are computed in smaller batches.
    """
    by_shape = defaultdict(list)
    for image, shown in enumerate(looks):
        for view in shown:
            by_shape[view.shape].append((image, view))
    log_probabilities: list[list[Any]] = [[] for _ in looks]
    for shape, places in by_shape.items():
        pixels = shape[0] * shape[1]
        size = max(1, min(batch_size, batch_size * (area or pixels) // pixels))
        for some in _chunked(iter(places), size):
            batch = preprocessing.values(np.stack([view for _, view in some]))
            try:
                rows = classifier.log_probabilities(batch)
            except tf.errors.OpError as error:
                raise MismatchError(
                    f"{classifier.name} cannot process images of {shape[0]} x {shape[1]}; use "
                    f"larger scales ({str(error).splitlines()[0][:120]})"
                ) from error
            for (image, _), row in zip(some, rows, strict=True):
                log_probabilities[image].append(row)
    return [mean_log_probabilities(rows) for rows in log_probabilities]


def _chunked(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while chunk := list(itertools.islice(items, size)):
        yield chunk
