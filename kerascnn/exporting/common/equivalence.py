"""Running an artifact beside the Keras model and comparing what they say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError
from kerascnn.exporting.common.network import Network, reference
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy.typing as npt

    from kerascnn.imaging.preprocessing import Preprocessing

    Array = npt.NDArray[Any]

BATCHES = (1, 3, 8)
"""One image, an odd batch, a common batch; longer runs of real images repeat the last."""
REAL_IMAGES = 32
"""How many images of a run's own data are compared."""
POLICY_TOLERANCE = 2e-2
"""How far a float32 copy may be from a model that computes in half precision."""
_ROUNDING = 1e-6
_LEAST = 1e-7
"""Probabilities below this count as this: what is left of them is float32's rounding."""
_ANY_SIZE = 224
"""Side of the random images for a model that takes any size, in pixels."""


@dataclass(frozen=True)
class Limits:
    """What an artifact of some precision must keep.

    Args:
        tolerance: largest difference of a logit, as a share of the largest; None for no limit.
        agreement: least share of decided images with the same top class.
        decided: by what share of the spread of the scores the first class must be ahead of the
            second for an image to count, where `tolerance` does not say it.
    """

    tolerance: float | None
    agreement: float
    decided: float = 0.1


def limits_of(precision: str, tolerance: float) -> Limits:
    """Returns the limits of a precision; `tolerance` is that of float32."""
    if precision == "float32":
        return Limits(tolerance, 1.0)
    if precision == "float16":
        return Limits(max(tolerance, POLICY_TOLERANCE), 0.99)
    return Limits(None, 0.95)


@dataclass(frozen=True)
class Questions:
    """Batches of inputs and what Keras answers to them.

    Args:
        real: the number of real images; they come first.
        batches: arrays of N x H x W x C.
        answers: the outputs of the float32 Keras model, one array for each batch.
        policy_difference: largest difference of `answers` from the half-precision model that was
            copied; None when there is no such model.
    """

    real: int
    batches: tuple[Array, ...]
    answers: tuple[Array, ...]
    policy_difference: float | None

    @property
    def random(self) -> int:
        return sum(len(batch) for batch in self.batches) - self.real

    def label(self, index: int) -> str:
        """Returns how messages call an image."""
        if index < self.real:
            return f"real image {index}"
        return f"random image {index - self.real}"


@dataclass(frozen=True)
class Comparison:
    """See ExportReport for the figures."""

    difference: float
    relative: float
    tolerance: float | None
    top1_agreement: float
    ties: int


def ask(
    network: Network,
    preprocessing: Preprocessing | None,
    samples: Iterable[Any] | None,
    tolerance: float,
    *,
    raw: bool = False,
) -> Questions:
    """Prepares real and random inputs and has Keras answer them.

    Args:
        network: what is exported.
        preprocessing: applied to `samples`; random images are drawn in the range it gives.
        samples: images (arrays of H x W x C, or paths); model inputs when `preprocessing` is None.
        tolerance: widens the tolerance of the float32 copy when it is the larger of the two.
        raw: ask with images of uint8, for an artifact that has the preprocessing inside.

    Raises:
        MismatchError: the samples do not fit the model, its answers are not finite, or the float32
            copy of a half-precision model is too far from it.
    """
    images = [_opened(network, image) for image in (() if samples is None else samples)]
    if raw:
        assert preprocessing is not None  # seen to by the prologue
        real = [image for image in images if image.dtype == np.uint8]
        batches = [*_batched(real), *raw_batches(network.image_shape, preprocessing)]
        inputs = [preprocessing(batch) for batch in batches]
    else:
        real = [_real_input(network, preprocessing, image) for image in images]
        drawn = random_batches(network.image_shape, network.dtype, preprocessing)
        batches = inputs = [*_batched(real), *drawn]
    answers = [reference(network.model, batch) for batch in inputs]
    if not all(np.isfinite(answer).all() for answer in answers):
        raise MismatchError(
            f"model {network.model.name!r} itself gives values that are not finite, so there is "
            "nothing to compare an export with; look at its weights"
        )
    difference = None
    if network.policy is not None:
        pairs = zip(inputs, answers, strict=True)
        difference = max(_largest(reference(network.original, b) - a) for b, a in pairs)
        allowed = max(POLICY_TOLERANCE, tolerance) * max(1.0, *map(_largest, answers))
        if not difference <= allowed:
            raise MismatchError(
                f"the float32 copy of this {network.policy} model differs from it by "
                f"{difference:.2g}, allowed is {allowed:.2g}; nothing was written; pass a larger "
                "tolerance if half precision is that coarse here"
            )
    return Questions(len(real), tuple(batches), tuple(answers), difference)


def compare(
    name: str, run: Callable[[Array], Array], questions: Questions, limits: Limits
) -> Comparison:
    """Puts the questions to an artifact and compares its answers with those of Keras.

    Probabilities are compared by their logarithms, which are the logits but for a constant.

    Args:
        name: of the format, for messages.
        run: the loaded artifact.
        questions: the inputs and the answers of Keras.
        limits: what must hold.

    Raises:
        MismatchError: an output differs by more, or another class comes first.
    """
    wanted = questions.answers
    got = [np.asarray(run(batch)) for batch in questions.batches]
    for one, other in zip(wanted, got, strict=True):
        if one.shape != other.shape:
            raise MismatchError(
                f"the {name} export gives outputs of shape {other.shape}, Keras {one.shape}; "
                "nothing was written; please report it"
            )
    difference = max(_largest(o - w) for w, o in zip(wanted, got, strict=True))
    if limits.tolerance is not None and probabilities(wanted):
        wanted = tuple(map(_logarithm, wanted))
        got = list(map(_logarithm, got))
    pairs = [
        (keras_image, image)
        for keras_batch, batch in zip(wanted, got, strict=True)
        for keras_image, image in zip(keras_batch, batch, strict=True)
    ]
    differences = [_largest(image - keras_image) for keras_image, image in pairs]
    worst = int(np.argmax(differences))
    scale = max(map(_largest, wanted)) or 1.0
    if limits.tolerance is None:
        allowed, margin = None, limits.decided * _spread(wanted)
    else:
        margin = allowance(wanted, limits.tolerance)
        allowed = min(margin / scale, limits.tolerance)  # rounding may have made it larger
        if not differences[worst] <= margin:
            raise MismatchError(
                f"the {name} export differs from Keras by {differences[worst] / scale:.2g} of the "
                f"largest logit at {questions.label(worst)}, allowed is {allowed:.2g}; nothing was "
                "written; pass a larger tolerance if that is good enough"
            )
    if not np.isfinite(differences[worst]):
        raise MismatchError(f"the {name} export gives values that are not finite")
    # int8 is fitted to real images: what it makes of noise says little of it.
    judged = pairs[: questions.real] if limits.tolerance is None and questions.real else pairs
    verdicts = [_same_top_class(keras_image, image, margin) for keras_image, image in judged]
    wrong = [index for index, verdict in enumerate(verdicts) if verdict is False]
    counted = sum(verdict is not None for verdict in verdicts)
    agreement = (counted - len(wrong)) / counted if counted else 1.0
    if agreement < limits.agreement:
        raise MismatchError(
            f"the {name} export puts another class first than Keras at "
            f"{questions.label(wrong[0])} ({len(wrong)} of {counted} images); nothing was written"
        )
    return Comparison(
        difference=difference,
        relative=differences[worst] / scale,
        tolerance=allowed,
        top1_agreement=agreement,
        ties=len(judged) - counted,
    )


def allowance(logits: Sequence[Array], tolerance: float) -> float:
    """Returns the largest absolute difference that is allowed from these logits of Keras.

    `tolerance` in proportion to the largest. Where they lie close together, as those of an
    untrained network do, anything would pass then, so it is at most a hundred times `tolerance` of
    their spread (1 % by default). Less than the rounding of float32 is never asked.
    """
    largest = max(map(_largest, logits))
    near = min(100 * tolerance, 0.25) * _spread(logits)
    return min(tolerance * largest, max(near, _ROUNDING * largest))


def probabilities(answers: Sequence[Array]) -> bool:
    """Tells whether outputs are those of a softmax."""
    return all(
        answer.shape[-1] > 1 and answer.min() >= 0 and np.abs(answer.sum(-1) - 1).max() < 1e-3
        for answer in answers
    )


def _logarithm(answer: Array) -> Array:
    return np.log(np.maximum(answer, _LEAST))  # NaN stays NaN


def _spread(answers: Sequence[Array]) -> float:
    return max(float(a.max()) for a in answers) - min(float(a.min()) for a in answers)


def _opened(network: Network, sample: Any) -> Array:
    if isinstance(sample, str | os.PathLike):
        from kerascnn.imaging.decode import load_image

        sample = load_image(sample, "grey" if network.image_shape[-1] == 1 else "rgb")
    return np.asarray(sample)


def _real_input(network: Network, preprocessing: Preprocessing | None, sample: Array) -> Array:
    image = sample if preprocessing is None else np.asarray(preprocessing(sample))
    fits = image.ndim == 3 and all(
        wanted in (None, got) for wanted, got in zip(network.image_shape, image.shape, strict=True)
    )
    if not fits:
        raise MismatchError(
            f"a sample of shape {image.shape} does not fit the model's input "
            f"{network.image_shape}; give images of that shape or the preprocessing that makes them"
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
    """Draws images of uint8.

    Half of them are noise by pixel; the others are patches of 4 x 4, since noise by pixel looks all
    the same to a network that averages over it.
    """
    patches = generator.integers(0, 256, (count, -(-rows // 4), -(-columns // 4), channels))
    pixels = patches.repeat(4, axis=1).repeat(4, axis=2)[:, :rows, :columns].astype("uint8")
    pixels[::2] = generator.integers(0, 256, pixels[::2].shape)
    return pixels


def random_batches(
    image_shape: Sequence[int | None], dtype: str, preprocessing: Preprocessing | None
) -> list[Array]:
    """Draws inputs in the range of the preprocessing, or from 0 to 1 without one; always the same.

    Args:
        image_shape: height, width, channels of the model's input.
        dtype: of that input.
        preprocessing: of the model, or None.
    """
    generator = np.random.default_rng(0)
    height, width, channels = image_shape
    assert channels is not None  # no convolution is built without
    preferred = (preprocessing and preprocessing.size) or (_ANY_SIZE, _ANY_SIZE)
    batches = []
    for count in BATCHES:
        # A model that takes any height gets another one for the odd batch.
        rows = height or preferred[0] + 32 * (count == BATCHES[1])
        pixels = _pixels(count, rows, width or preferred[1], channels, generator)
        if dtype == "uint8":
            batches.append(pixels)
        elif preprocessing is None:
            batches.append((pixels / 255).astype(dtype))
        else:
            batches.append(preprocessing.values(pixels).astype(dtype))
    return batches


def raw_batches(image_shape: Sequence[int | None], preprocessing: Preprocessing) -> list[Array]:
    """Draws images as they are before the preprocessing, larger where that resizes or crops."""
    generator = np.random.default_rng(1)
    height, width, channels = image_shape
    rows, columns = preprocessing.size or (height or _ANY_SIZE, width or _ANY_SIZE)
    more = 0 if preprocessing.size is None or preprocessing.fit == "none" else 24
    channels = 1 if preprocessing.channels == "grey" else (channels or 3)
    return [
        _pixels(count, rows + more, columns + 2 * more, channels, generator) for count in BATCHES
    ]


def _largest(values: Array) -> float:
    """Returns the largest absolute value, NaN when there is one."""
    return float(np.abs(values).max())


def _same_top_class(wanted: Array, got: Array, tolerance: float) -> bool | None:
    """Returns whether the same class comes first, None when Keras itself hardly decides.

    The classes are the last axis; a map of predictions agrees when all its decided places do.
    """
    if wanted.shape[-1] == 1:
        return True
    ordered = np.sort(wanted, axis=-1)
    decided = ordered[..., -1] - ordered[..., -2] >= tolerance
    if not decided.any():
        return None
    return bool((wanted.argmax(-1) == got.argmax(-1))[decided].all())
