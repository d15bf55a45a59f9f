"""Compares the outputs of an artifact with those of the Keras model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError
from kerascnn.exporting.common.network import Network, keras_outputs
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy.typing as npt

    from kerascnn.imaging.preprocessing import Preprocessing

    Array = npt.NDArray[Any]

TOLERANCE = 1e-4
"""Default of the largest difference of a logit, as a share of the largest logit."""
BATCHES = (1, 3, 8)
"""Sizes of the batches: one image, an odd number, a common size; further real images repeat 8."""
REAL_IMAGES = 32
"""Number of images of a run's own data that are compared."""
_POLICY_TOLERANCE = 2e-2
"""Largest difference between a model of half precision and its float32 copy."""
_RAW_TOLERANCE = 2e-2
"""The same for artifacts that resize images: Pillow rounds to whole numbers in between."""
_ROUNDING = 1e-6
_SMALLEST_PROBABILITY = 1e-7
"""Smaller probabilities count as this one, since they hold little but float32's rounding."""
_ANY_SIZE = 224
"""Side in pixels of the random images for a model that takes any size."""


@dataclass(frozen=True)
class Limits:
    """How much an artifact may differ from the Keras model.

    Args:
        tolerance: largest difference of a logit, as a share of the largest logit; None for no
            limit.
        agreement: smallest share of decided images with the same top class.
        decided: used when `tolerance` is None. An image counts as decided when its two largest
            scores differ by at least this share of the spread of all scores.
    """

    tolerance: float | None
    agreement: float
    decided: float = 0.1


def limits_of(precision: str, tolerance: float) -> Limits:
    """Returns the limits for a precision; `tolerance` is that of float32."""
    if precision == "float32":
        return Limits(tolerance, 1.0)
    if precision == "float16":
        return Limits(max(tolerance, _POLICY_TOLERANCE), 0.99)
    return Limits(None, 0.95)


def raw_limits(tolerance: float) -> Limits:
    """Returns the limits for a float32 artifact that applies the preprocessing itself."""
    return Limits(max(tolerance, _RAW_TOLERANCE), 0.95)


@dataclass(frozen=True)
class Reference:
    """Batches of inputs and the outputs of the Keras model for them.

    Args:
        real: the number of real images, which come before the random ones.
        batches: arrays of N x H x W x C.
        outputs: of the float32 Keras model, one array for each batch.
        policy_difference: largest difference of `outputs` from those of the model of half
            precision; None when the model computes in float32.
    """

    real: int
    batches: tuple[Array, ...]
    outputs: tuple[Array, ...]
    policy_difference: float | None

    @property
    def random(self) -> int:
        """The number of random images."""
        return sum(len(batch) for batch in self.batches) - self.real

    def label(self, index: int) -> str:
        """Returns the name of an image for messages."""
        if index < self.real:
            return f"real image {index}"
        return f"random image {index - self.real}"


@dataclass(frozen=True)
class Comparison:
    """How far an artifact is from the Keras model; `ExportReport` describes the fields."""

    difference: float
    relative: float
    tolerance: float | None
    top1_agreement: float
    ties: int


def compute_reference(
    network: Network,
    preprocessing: Preprocessing | None,
    samples: Iterable[Any] | None,
    tolerance: float,
    *,
    raw: bool = False,
) -> Reference:
    """Prepares real and random inputs and computes Keras's outputs for them.

    Args:
        network: the model to export.
        preprocessing: applied to `samples`; the random images have the range of its results.
        samples: images (arrays of H x W x C, or paths); model inputs when `preprocessing` is None.
        tolerance: replaces the tolerance of the float32 copy when it is larger.
        raw: make batches of uint8 images, for an artifact that applies the preprocessing itself.

    Raises:
        MismatchError: the samples do not fit the model, its outputs are not finite, or the float32
            copy of a model of half precision differs too much from it.
    """
    images = [_read_sample(network, sample) for sample in (() if samples is None else samples)]
    if raw:
        assert preprocessing is not None  # `export` requires it
        real = [image for image in images if image.dtype == np.uint8]
        batches = [*_batched(real), *raw_batches(network.image_shape, preprocessing)]
        inputs = [preprocessing(batch) for batch in batches]
    else:
        real = [_real_input(network, preprocessing, image) for image in images]
        drawn = random_batches(network.image_shape, network.dtype, preprocessing)
        batches = inputs = [*_batched(real), *drawn]
    outputs = [keras_outputs(network.model, batch) for batch in inputs]
    if not all(np.isfinite(output).all() for output in outputs):
        raise MismatchError(
            f"model {network.model.name!r} itself gives values that are not finite, so an export "
            "cannot be compared with it; check its weights"
        )
    difference = None
    if network.policy is not None:
        difference = max(
            _largest(keras_outputs(network.original, batch) - output)
            for batch, output in zip(inputs, outputs, strict=True)
        )
        allowed = max(_POLICY_TOLERANCE, tolerance) * max(1.0, *map(_largest, outputs))
        if not difference <= allowed:
            raise MismatchError(
                f"the float32 copy of this {network.policy} model differs from it by "
                f"{difference:.2g}, allowed is {allowed:.2g}; nothing was written; pass a larger "
                "tolerance if this is accurate enough"
            )
    return Reference(len(real), tuple(batches), tuple(outputs), difference)


def compare(
    name: str, run: Callable[[Array], Array], reference: Reference, limits: Limits
) -> Comparison:
    """Runs an artifact on the inputs of a reference and compares the outputs.

    Probabilities are compared by their logarithms, which are the logits plus a constant.

    Args:
        name: of the format, for messages.
        run: the loaded artifact.
        reference: inputs and the outputs of Keras.
        limits: the allowed differences.

    Raises:
        MismatchError: an output differs by more, or the top class differs.
    """
    expected = reference.outputs
    got = [np.asarray(run(batch)) for batch in reference.batches]
    for keras_batch, batch in zip(expected, got, strict=True):
        if keras_batch.shape != batch.shape:
            raise MismatchError(
                f"the {name} export gives outputs of shape {batch.shape}, Keras "
                f"{keras_batch.shape}; nothing was written; please report it"
            )
    difference = max(
        _largest(batch - keras_batch) for keras_batch, batch in zip(expected, got, strict=True)
    )
    if limits.tolerance is not None and are_probabilities(expected):
        expected = tuple(map(_logarithm, expected))
        got = list(map(_logarithm, got))
    pairs = [
        (keras_image, image)
        for keras_batch, batch in zip(expected, got, strict=True)
        for keras_image, image in zip(keras_batch, batch, strict=True)
    ]
    differences = [_largest(image - keras_image) for keras_image, image in pairs]
    worst = int(np.argmax(differences))
    scale = max(map(_largest, expected)) or 1.0
    if limits.tolerance is None:
        allowed, margin = None, limits.decided * _spread(expected)
    else:
        margin = allowance(expected, limits.tolerance)
        allowed = min(margin / scale, limits.tolerance)  # rounding may have made it larger
        if not differences[worst] <= margin:
            raise MismatchError(
                f"the {name} export differs from Keras by {differences[worst] / scale:.2g} of the "
                f"largest logit at {reference.label(worst)}, allowed is {allowed:.2g}; nothing was "
                "written; pass a larger tolerance if this is accurate enough"
            )
    if not np.isfinite(differences[worst]):
        raise MismatchError(f"the {name} export gives values that are not finite")
    # int8 is calibrated with real images, so that its outputs for random images are not judged.
    judged = pairs[: reference.real] if limits.tolerance is None and reference.real else pairs
    verdicts = [_same_top_class(keras_image, image, margin) for keras_image, image in judged]
    wrong = [index for index, verdict in enumerate(verdicts) if verdict is False]
    counted = sum(verdict is not None for verdict in verdicts)
    agreement = (counted - len(wrong)) / counted if counted else 1.0
    if agreement < limits.agreement:
        raise MismatchError(
            f"the {name} export puts another class first than Keras at "
            f"{reference.label(wrong[0])} ({len(wrong)} of {counted} images); nothing was written"
        )
    return Comparison(
        difference=difference,
        relative=differences[worst] / scale,
        tolerance=allowed,
        top1_agreement=agreement,
        ties=len(judged) - counted,
    )


def allowance(logits: Sequence[Array], tolerance: float) -> float:
    """Returns the largest allowed absolute difference from these logits of Keras.

    It is `tolerance` times the largest logit. The logits of an untrained network lie so close
    together that any output would pass; so it is also at most a hundred times `tolerance` of
    their spread (1 % by default), but never less than the rounding of float32.
    """
    largest = max(map(_largest, logits))
    by_spread = min(100 * tolerance, 0.25) * _spread(logits)
    return min(tolerance * largest, max(by_spread, _ROUNDING * largest))


def are_probabilities(outputs: Sequence[Array]) -> bool:
    """Tells whether outputs are those of a softmax."""
    return all(
        output.shape[-1] > 1 and output.min() >= 0 and np.abs(output.sum(-1) - 1).max() < 1e-3
        for output in outputs
    )


def _logarithm(output: Array) -> Array:
    return np.log(np.maximum(output, _SMALLEST_PROBABILITY))  # NaN stays NaN


def _spread(outputs: Sequence[Array]) -> float:
    return max(float(x.max()) for x in outputs) - min(float(x.min()) for x in outputs)


def _read_sample(network: Network, sample: Any) -> Array:
    if isinstance(sample, str | os.PathLike):
        from kerascnn.imaging.decode import load_image

        sample = load_image(sample, "grey" if network.image_shape[-1] == 1 else "rgb")
    return np.asarray(sample)


def _real_input(network: Network, preprocessing: Preprocessing | None, sample: Array) -> Array:
    image = sample if preprocessing is None else np.asarray(preprocessing(sample))
    fits = image.ndim == 3 and all(
        expected in (None, size)
        for expected, size in zip(network.image_shape, image.shape, strict=True)
    )
    if not fits:
        raise MismatchError(
            f"a sample of shape {image.shape} does not fit the model's input "
            f"{network.image_shape}; give images of that shape, or a preprocessing that returns it"
        )
    return image.astype(network.dtype)


def _batched(images: list[Array]) -> list[Array]:
    """Cuts images into batches of BATCHES' sizes; a batch ends early where the shape changes."""
    batches: list[Array] = []
    sizes = iter(BATCHES)
    position = 0
    while position < len(images):
        size = next(sizes, BATCHES[-1])
        batch = images[position : position + size]
        while batch[-1].shape != batch[0].shape:
            batch.pop()
        batches.append(np.stack(batch))
        position += len(batch)
    return batches


def _pixels(count: int, rows: int, columns: int, channels: int, generator: Any) -> Array:
    """Draws uint8 images of random pixels and, every second one, of random 4 x 4 patches.

    A network that averages over pixels cannot tell images of independent pixels apart.
    """
    patches = generator.integers(0, 256, (count, -(-rows // 4), -(-columns // 4), channels))
    pixels = patches.repeat(4, axis=1).repeat(4, axis=2)[:, :rows, :columns].astype("uint8")
    pixels[::2] = generator.integers(0, 256, pixels[::2].shape)
    return pixels


def random_batches(
    image_shape: Sequence[int | None], dtype: str, preprocessing: Preprocessing | None
) -> list[Array]:
    """Draws the same random inputs at each call, in the range of the preprocessing, or 0 to 1.

    Args:
        image_shape: height, width, channels of the model's input.
        dtype: of that input.
        preprocessing: of the model, or None.
    """
    generator = np.random.default_rng(0)
    height, width, channels = image_shape
    assert channels is not None  # a convolution needs it
    preferred = (preprocessing and preprocessing.size) or (_ANY_SIZE, _ANY_SIZE)
    batches = []
    for count in BATCHES:
        # A model that takes any height gets a different one for the odd batch.
        rows = height or preferred[0] + 32 * (count == BATCHES[1])
        pixels = _pixels(count, rows, width or preferred[1], channels, generator)
        if dtype == "uint8":
            batches.append(pixels)
        elif preprocessing is None or (preprocessing.channels, preprocessing.scale) == ("any", 1):
            batches.append((pixels / 255).astype(dtype))  # not pixels: the planes of a board
        else:
            batches.append(preprocessing.values(pixels).astype(dtype))
    return batches


def raw_batches(image_shape: Sequence[int | None], preprocessing: Preprocessing) -> list[Array]:
    """Draws random images for the preprocessing, larger than its size when it resizes or crops."""
    generator = np.random.default_rng(1)
    height, width, channels = image_shape
    rows, columns = preprocessing.size or (height or _ANY_SIZE, width or _ANY_SIZE)
    extra = 0 if preprocessing.size is None or preprocessing.fit == "none" else 24
    channels = 1 if preprocessing.channels == "grey" else (channels or 3)
    return [
        _pixels(count, rows + extra, columns + 2 * extra, channels, generator) for count in BATCHES
    ]


def _largest(values: Array) -> float:
    """Returns the largest absolute value, NaN when there is one."""
    return float(np.abs(values).max())


def _same_top_class(expected: Array, got: Array, margin: float) -> bool | None:
    """Returns whether the top class is the same, None when Keras's two largest scores are close.

    The classes are the last axis; a map of predictions agrees when all its decided positions do.

    Args:
        expected: scores of Keras for one image.
        got: scores of the artifact.
        margin: smallest difference between the two largest scores of a decided position.
    """
    if expected.shape[-1] == 1:
        return True
    ordered = np.sort(expected, axis=-1)
    decided = ordered[..., -1] - ordered[..., -2] >= margin
    if not decided.any():
        return None
    return bool((expected.argmax(-1) == got.argmax(-1))[decided].all())
