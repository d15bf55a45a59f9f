"""Running an artifact beside the Keras model and comparing what they say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.errors import KerasCNNError, MismatchError
from kerascnn.exporting.network import Network, reference
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy.typing as npt

    from kerascnn.preprocessing import Preprocessing
    from kerascnn.runs import Run

    Array = npt.NDArray[Any]

BATCHES = (1, 3, 8)
"""One image, an odd batch, a common batch; longer runs of real images repeat the last."""
REAL_IMAGES = 32
"""How many images of a run's own data are compared."""
POLICY_TOLERANCE = 2e-2
"""How far a float32 copy may be from a model that computes in half precision."""
_ROUNDING = 1e-6
_ANY_SIZE = 224
"""Side of the random images for a model that takes any size, in pixels."""
_LOCAL_DATA = ("digits", "idx", "npz", "cifar", "folder")


@dataclass(frozen=True)
class Questions:
    """Batches of model inputs and what Keras answers to them.

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
    tolerance: float
    top1_agreement: float
    ties: int


def ask(
    network: Network,
    preprocessing: Preprocessing | None,
    samples: Iterable[Any] | None,
    tolerance: float,
) -> Questions:
    """Prepares real and random inputs and has Keras answer them.

    Args:
        network: what is exported.
        preprocessing: applied to `samples`; random images are drawn in the range it gives.
        samples: images (arrays of H x W x C, or paths); model inputs when `preprocessing` is None.
        tolerance: widens the tolerance of the float32 copy when it is the larger of the two.

    Raises:
        MismatchError: the samples do not fit the model, its answers are not finite, or the float32
            copy of a half-precision model is too far from it.
    """
    images = () if samples is None else samples
    real = [_real_input(network, preprocessing, image) for image in images]
    batches = [*_batched(real), *_random_batches(network, preprocessing)]
    answers = [reference(network.model, batch) for batch in batches]
    if not all(np.isfinite(answer).all() for answer in answers):
        raise MismatchError(
            f"model {network.model.name!r} itself gives values that are not finite, so there is "
            "nothing to compare an export with; look at its weights"
        )
    difference = None
    if network.policy is not None:
        pairs = zip(batches, answers, strict=True)
        difference = max(_largest(reference(network.original, b) - a) for b, a in pairs)
        allowed = max(POLICY_TOLERANCE, tolerance) * _scale(answers)
        if not difference <= allowed:
            raise MismatchError(
                f"the float32 copy of this {network.policy} model differs from it by "
                f"{difference:.2g}, allowed is {allowed:.2g}; nothing was written; pass a larger "
                "tolerance if half precision is that coarse here"
            )
    return Questions(len(real), tuple(batches), tuple(answers), difference)


def compare(
    name: str, run: Callable[[Array], Array], questions: Questions, tolerance: float
) -> Comparison:
    """Puts the questions to an artifact and compares its answers with those of Keras.

    Args:
        name: of the format, for messages.
        run: the loaded artifact.
        questions: the inputs and the answers of Keras.
        tolerance: see `export`.

    Raises:
        MismatchError: an output differs by more, or another class comes first.
    """
    wanted = questions.answers
    got = [run(batch) for batch in questions.batches]
    for one, other in zip(wanted, got, strict=True):
        if one.shape != other.shape:
            raise MismatchError(
                f"the {name} export gives outputs of shape {other.shape}, Keras {one.shape}; "
                "nothing was written; please report it"
            )
    pairs = [
        (keras_image, image)
        for keras_batch, batch in zip(wanted, got, strict=True)
        for keras_image, image in zip(keras_batch, batch, strict=True)
    ]
    differences = [_largest(image - keras_image) for keras_image, image in pairs]
    worst = int(np.argmax(differences))
    allowed = allowance(wanted, tolerance)
    if not differences[worst] <= allowed:
        raise MismatchError(
            f"the {name} export differs from Keras by {differences[worst]:.2g} at "
            f"{questions.label(worst)}, allowed is {allowed:.2g}; nothing was written; pass a "
            "larger tolerance if that is good enough"
        )
    verdicts = [_same_top_class(keras_image, image, allowed) for keras_image, image in pairs]
    wrong = [index for index, verdict in enumerate(verdicts) if verdict is False]
    counted = sum(verdict is not None for verdict in verdicts)
    if wrong:
        raise MismatchError(
            f"the {name} export puts another class first than Keras at "
            f"{questions.label(wrong[0])} ({len(wrong)} of {counted} images); nothing was written"
        )
    largest = max(_largest(answer) for answer in wanted)
    return Comparison(
        difference=differences[worst],
        relative=differences[worst] / largest if largest else 0.0,
        tolerance=allowed,
        top1_agreement=(counted - len(wrong)) / counted if counted else 1.0,
        ties=len(pairs) - counted,
    )


def allowance(answers: Sequence[Array], tolerance: float) -> float:
    """Returns the largest absolute difference that is allowed from these answers of Keras.

    `tolerance`, in proportion for outputs above 1. Where the answers lie close together, as the
    probabilities of an untrained network do, anything would pass then, so it is at most a thousand
    times `tolerance` of their spread (1 % by default): LeNet-5 of 1998, whose softmax sees
    distances near 84, needs 0.1 %. Less than the rounding of float32 is never asked.
    """
    spread = max(float(a.max()) for a in answers) - min(float(a.min()) for a in answers)
    largest = max(_largest(answer) for answer in answers)
    return min(tolerance * _scale(answers), max(1000 * tolerance * spread, _ROUNDING * largest))


def images_of(run: Run) -> list[Any] | None:
    """Returns images of a run's test split, evenly spread, or None when they are not at hand.

    Only data that lies on this machine is read, and no failure of it stops an export.
    """
    from kerascnn.data import load_data

    name = run.config["data"]["name"]
    if name.partition(":")[0] not in _LOCAL_DATA:
        return None
    try:
        images = load_data(name).test.images
        step = max(1, len(images) // REAL_IMAGES)
        return [images[index] for index in range(0, len(images), step)][:REAL_IMAGES]
    except (KerasCNNError, OSError, TypeError):  # TypeError: a data set without a length
        return None


def _real_input(network: Network, preprocessing: Preprocessing | None, sample: Any) -> Array:
    if isinstance(sample, str | os.PathLike):
        from kerascnn.images import load_image

        sample = load_image(sample, "grey" if network.image_shape[-1] == 1 else "rgb")
    image = np.asarray(sample if preprocessing is None else preprocessing(np.asarray(sample)))
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


def _random_batches(network: Network, preprocessing: Preprocessing | None) -> list[Array]:
    """Draws images in the range of the preprocessing, or from 0 to 1 without one.

    Half of them are noise by pixel; the others are patches of 4 x 4, since noise by pixel looks all
    the same to a network that averages over it.
    """
    generator = np.random.default_rng(0)
    height, width, channels = network.image_shape
    assert channels is not None  # no convolution is built without
    preferred = (preprocessing and preprocessing.size) or (_ANY_SIZE, _ANY_SIZE)
    batches = []
    for count in BATCHES:
        # A model that takes any height gets another one for the odd batch.
        rows = height or preferred[0] + 32 * (count == BATCHES[1])
        columns = width or preferred[1]
        patches = generator.integers(0, 256, (count, -(-rows // 4), -(-columns // 4), channels))
        pixels = patches.repeat(4, axis=1).repeat(4, axis=2)[:, :rows, :columns].astype("uint8")
        pixels[::2] = generator.integers(0, 256, pixels[::2].shape)
        if network.dtype == "uint8":
            batches.append(pixels)
        elif preprocessing is None:
            batches.append((pixels / 255).astype(network.dtype))
        else:
            batches.append(preprocessing.values(pixels).astype(network.dtype))
    return batches


def _largest(values: Array) -> float:
    """Returns the largest absolute value, NaN when there is one."""
    return float(np.abs(values).max())


def _scale(answers: Sequence[Array]) -> float:
    return max(1.0, *(_largest(answer) for answer in answers))


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
