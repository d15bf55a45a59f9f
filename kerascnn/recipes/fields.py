"""The record of a training recipe: its fields, their allowed values, and settings as text.

Standard library only, so that the command can list recipes without Keras.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from kerascnn.errors import UsageError

OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop")
SCHEDULES = ("constant", "cosine", "steps", "exponential", "plateau")
DECAYS = ("decoupled", "l2")
SPARED = ("norm", "bias", "depthwise")
CROPS = ("none", "scale", "area")
WARMUPS = ("linear", "constant")
EXPLANATIONS = ("name", "about", "paper", "notes", "departures")
"""Fields that only explain the recipe and do not change the training."""


@dataclass(frozen=True)
class Recipe:
    """All settings of a training that are neither the network nor the data.

    Args:
        name: of the recipe, for `train(recipe=name)`.
        about: a description in one line.
        paper: source of the recipe's numbers.
        notes: quotes of the paper on a field, as (field, quote).
        departures: differences from the paper, and their reasons.
        optimizer: "sgd", "adam", "adamw" or "rmsprop".
        learning_rate: its highest value, > 0.
        scale_to_batch: multiply the rate by batch size / `reference_batch` (Goyal 2017).
        reference_batch: batch size that `learning_rate` was chosen for.
        schedule: how the rate falls. "constant": not. "cosine": to zero at the last step. "steps":
            at the `milestones`. "exponential": every `drop_epochs` epochs. "plateau": when the
            held-out accuracy has not improved for `patience` epochs.
        milestones: for "steps": parts of all steps, increasing, in (0, 1).
        drops: factor of the rate at each drop; one number, or one for each milestone.
        drop_epochs: for "exponential", > 0.
        patience: for "plateau": epochs without a better held-out accuracy.
        warmup: part of all steps, in [0, 1), in which the rate is below its highest value.
        warmup_kind: "linear": the rate rises from `warmup_from`. "constant": it is `warmup_from`.
        warmup_from: part of the highest rate, in [0, 1].
        momentum: of "sgd" and "rmsprop", in [0, 1).
        nesterov: use Nesterov's momentum ("sgd").
        rho: decay of the moving average of squared gradients in "rmsprop", in [0, 1).
        epsilon: of the optimizer, > 0; None for Keras's default ("sgd" has none).
        weight_decay: >= 0.
        decay: "decoupled": separate from the gradient (Loshchilov 2017). "l2": added to the
            gradient, as in older papers.
        spare: kinds of weights without weight decay: some of "norm", "bias" and "depthwise".
        batch_size: images in a step, on all replicas together.
        accumulate: number of parts into which a step's batch is divided to save memory.
        clip_norm: largest norm of the gradient of all weights; 0 for no limit.
        epochs: passes over the training images.
        early_stopping: stop after so many epochs without a better held-out accuracy; 0 for never.
        ema: decay of the moving average of the weights, in [0, 1). The average is evaluated and
            saved. 0 for no average.
        dropout: rate before the classifier; None for the network's own. Used if `train` builds the
            network.
        stochastic_depth: probability of leaving out the last residual branch, in [0, 1). For
            earlier branches it is proportional to their depth (Huang 2016).
        auxiliary: train with auxiliary classifiers, if the network has them.
        auxiliary_weight: factor of their losses.
        label_smoothing: part of a label's weight that is distributed over all classes, in [0, 1).
        class_weights: "none"; "balanced": in inverse proportion to the number of images of a class;
            or NAME=WEIGHT for some classes, others have the weight 1.
        crop: "none": as the preprocessing does. "scale": a random window of the input's size, in
            the image resized to a random `shorter_side`. "area": a window of random area and aspect
            (Szegedy 2014).
        shorter_side: smallest and largest, for an input of 224 pixels; proportional for others.
        area: smallest and largest area of the window, as a part of the image's area.
        aspect: smallest and largest width / height of the window, uniform in the logarithm.
        flip: mirror half of the images left to right; not for digits or text.
        translate: largest random shift, in pixels of the network's input.
        rotate: largest random rotation, in degrees.
        zoom: largest random change of size; the factor is in [1 - zoom, 1 + zoom].
        lighting: deviation of random shifts along the principal components of colour (AlexNet).
        jitter: largest change of brightness, contrast and saturation; the factors are in
            [1 - jitter, 1 + jitter].
        randaugment: number of random distortions of each image (Cubuk 2019); 0 for none.
        magnitude: strength of these distortions, 0 to 10.
        mixup: alpha of Beta(alpha, alpha), the distribution of the parts in which two images are
            mixed; 0 for none.
        cutmix: alpha of Beta(alpha, alpha), the distribution of the area that is replaced by
            another image; 0 for none. With both, each batch gets one of the two.

    Raises:
        UsageError: a field is unknown or out of range.
    """

    name: str
    about: str = ""
    paper: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    departures: tuple[str, ...] = ()

    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    scale_to_batch: bool = False
    reference_batch: int = 256
    schedule: str = "cosine"
    milestones: tuple[float, ...] = (0.5, 0.75)
    drops: tuple[float, ...] = (0.1,)
    drop_epochs: float = 1.0
    patience: int = 5
    warmup: float = 0.05
    warmup_kind: str = "linear"
    warmup_from: float = 0.0
    momentum: float = 0.9
    nesterov: bool = False
    rho: float = 0.9
    epsilon: float | None = None
    weight_decay: float = 0.0
    decay: str = "decoupled"
    spare: tuple[str, ...] = ()
    batch_size: int = 64
    accumulate: int = 1
    clip_norm: float = 0.0
    epochs: int = 20
    early_stopping: int = 0
    ema: float = 0.0
    dropout: float | None = None
    stochastic_depth: float = 0.0
    auxiliary: bool = False
    auxiliary_weight: float = 0.3
    label_smoothing: float = 0.0
    class_weights: str = "none"
    crop: str = "none"
    shorter_side: tuple[int, int] = (256, 256)
    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    flip: bool = False
    translate: int = 0
    rotate: float = 0.0
    zoom: float = 0.0
    lighting: float = 0.0
    jitter: float = 0.0
    randaugment: int = 0
    magnitude: int = 9
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(value))
        for name, (valid, allowed) in _ranges(self).items():
            if not valid:
                raise UsageError(
                    f"recipe {self.name}: {name} is {getattr(self, name)!r}; it must be {allowed}"
                )
        if len(self.drops) not in (1, len(self.milestones)):
            raise UsageError(
                f"recipe {self.name}: {len(self.drops)} drops for {len(self.milestones)} "
                "milestones; give one for all, or one for each"
            )

    @property
    def peak_rate(self) -> float:
        """The highest learning rate, scaled to the batch size if the recipe asks for that."""
        share = self.batch_size / self.reference_batch if self.scale_to_batch else 1.0
        return self.learning_rate * share

    @property
    def soft_labels(self) -> bool:
        """Whether labels are probabilities of several classes, by smoothing or mixed images."""
        return bool(self.label_smoothing or self.mixup or self.cutmix)

    def to_json(self) -> dict[str, Any]:
        """Returns the name and every field that changes the training, as JSON types."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if key == "name" or key not in EXPLANATIONS
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Recipe:
        """Returns the recipe that `to_json` was called on, without its explanations.

        Raises:
            UsageError: a field is unknown or out of range.
        """
        for key in record:
            check_field(key)
        return cls(**record)


def _whole(value: Any, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _number(value: Any) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and math.isfinite(value)


def _share(value: Any) -> bool:
    return _number(value) and 0 <= value < 1


def _range(value: Any, low: float, high: float) -> bool:
    pair = isinstance(value, tuple) and len(value) == 2 and all(map(_number, value))
    return pair and low < value[0] <= value[1] <= high


def _increasing(values: Any) -> bool:
    valid = _each(values, lambda value: _number(value) and 0 < value < 1)
    return valid and list(values) == sorted(set(values)) != []


def _each(values: Any, condition: Any) -> bool:
    return isinstance(values, tuple) and all(map(condition, values))


def _weights(text: Any) -> bool:
    try:
        class_weights(text)
    except ValueError:
        return False
    return True


def class_weights(text: str) -> dict[str, float]:
    """Returns class name -> weight of a text such as "cat=2,dog=0.5"; {} for none and balanced.

    Raises:
        ValueError: not of the form NAME=WEIGHT,NAME=WEIGHT with different names and weights from 0.
    """
    if text in ("none", "balanced"):
        return {}
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = part.rpartition("=")
        weight = float(number)
        if not equals or not 0 <= weight < math.inf or name.strip() in weights:
            raise ValueError(text)
        weights[name.strip()] = weight
    return weights


def _ranges(recipe: Recipe) -> dict[str, tuple[bool, str]]:
    """Returns field -> (whether its value is valid, the allowed values) for the checked fields."""
    r = recipe
    whole, share, number = "a whole number from 1", "in [0, 1)", "a number from 0"
    flag = "true or false"

    def among(value: Any, names: tuple[str, ...]) -> tuple[bool, str]:
        return value in names, f"one of {', '.join(names)}"

    def at_least_0(value: Any) -> bool:
        return _number(value) and value >= 0

    return {
        "optimizer": among(r.optimizer, OPTIMIZERS),
        "learning_rate": (_number(r.learning_rate) and r.learning_rate > 0, "a number above 0"),
        "scale_to_batch": (isinstance(r.scale_to_batch, bool), flag),
        "reference_batch": (_whole(r.reference_batch), whole),
        "schedule": among(r.schedule, SCHEDULES),
        "milestones": (_increasing(r.milestones), "increasing numbers between 0 and 1"),
        "drops": (
            bool(r.drops) and _each(r.drops, lambda drop: _number(drop) and 0 < drop <= 1),
            "numbers above 0, up to 1",
        ),
        "drop_epochs": (_number(r.drop_epochs) and r.drop_epochs > 0, "a number above 0"),
        "patience": (_whole(r.patience), whole),
        "warmup": (_share(r.warmup), share),
        "warmup_kind": among(r.warmup_kind, WARMUPS),
        "warmup_from": (_number(r.warmup_from) and 0 <= r.warmup_from <= 1, "in [0, 1]"),
        "momentum": (_share(r.momentum), share),
        "nesterov": (isinstance(r.nesterov, bool), flag),
        "rho": (_share(r.rho), share),
        "epsilon": (
            r.epsilon is None or (_number(r.epsilon) and r.epsilon > 0),
            "a number above 0, or none",
        ),
        "weight_decay": (at_least_0(r.weight_decay), number),
        "decay": among(r.decay, DECAYS),
        "spare": (_each(r.spare, SPARED.__contains__), f"some of {', '.join(SPARED)}"),
        "batch_size": (_whole(r.batch_size), whole),
        "accumulate": (_whole(r.accumulate), whole),
        "clip_norm": (at_least_0(r.clip_norm), number),
        "epochs": (_whole(r.epochs), whole),
        "early_stopping": (_whole(r.early_stopping, 0), "a whole number from 0"),
        "ema": (_share(r.ema), share),
        "dropout": (r.dropout is None or _share(r.dropout), "in [0, 1), or none"),
        "stochastic_depth": (_share(r.stochastic_depth), share),
        "auxiliary": (isinstance(r.auxiliary, bool), flag),
        "auxiliary_weight": (at_least_0(r.auxiliary_weight), number),
        "label_smoothing": (_share(r.label_smoothing), share),
        "class_weights": (
            isinstance(r.class_weights, str) and _weights(r.class_weights),
            "none, balanced, or NAME=WEIGHT,NAME=WEIGHT with weights from 0",
        ),
        "crop": among(r.crop, CROPS),
        "shorter_side": (
            _range(r.shorter_side, 223, 4096) and all(map(_whole, r.shorter_side)),
            "two whole numbers of pixels from 224, the smaller first",
        ),
        "area": (_range(r.area, 0, 1), "two numbers above 0, up to 1, the smaller first"),
        "aspect": (_range(r.aspect, 0, 100), "two numbers above 0, the smaller first"),
        "flip": (isinstance(r.flip, bool), flag),
        "translate": (_whole(r.translate, 0), "whole pixels from 0"),
        "rotate": (_number(r.rotate) and 0 <= r.rotate <= 180, "degrees from 0 to 180"),
        "zoom": (_share(r.zoom), share),
        "lighting": (at_least_0(r.lighting), number),
        "jitter": (_share(r.jitter), share),
        "randaugment": (_whole(r.randaugment, 0), "a whole number from 0"),
        "magnitude": (_whole(r.magnitude, 0) and r.magnitude <= 10, "a whole number from 0 to 10"),
        "mixup": (at_least_0(r.mixup), number),
        "cutmix": (at_least_0(r.cutmix), number),
    }


FIELDS = tuple(field.name for field in fields(Recipe))


def check_field(name: str) -> None:
    """Raises a UsageError with the most similar name if a recipe has no field `name`."""
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, 1)
        raise UsageError(
            f"a recipe has no field {name!r}; "
            + (f"did you mean {near[0]!r}?" if near else f"it has {', '.join(FIELDS[5:])}"[:300])
        )


def parse_field(setting: str) -> tuple[str, Any]:
    """Returns the field and value of a text such as "learning_rate=0.05".

    Lists are written with commas; true, false and none as these words.

    Raises:
        UsageError: there is no such field, or the value has the wrong type. `Recipe` checks ranges.
    """
    name, equals, text = (part.strip() for part in setting.partition("="))
    if not equals:
        raise UsageError(f"{setting!r} is no setting; write FIELD=VALUE, as learning_rate=0.05")
    check_field(name)
    if name in EXPLANATIONS:
        raise UsageError(f"{name} only explains a recipe; set a field that changes the training")
    kind = str(Recipe.__dataclass_fields__[name].type)
    if kind.startswith("str"):
        return name, text
    if kind.startswith("tuple"):
        return name, tuple(
            _parse_value(part.strip(), kind, name) for part in text.split(",") if part
        )
    return name, _parse_value(text, kind, name)


def _parse_value(text: str, kind: str, name: str) -> Any:
    """Returns the value of a text for a field; `kind` is the field's type annotation."""
    if "str" in kind:
        return text
    lower = text.lower()
    if lower == "none" and "None" in kind:
        return None
    wrong = UsageError(f"{name} is {text!r}; it must be {kind.replace('| None', 'or none')}")
    try:
        value = json.loads({"yes": "true", "no": "false"}.get(lower, lower))
    except ValueError:
        try:
            value = float(text)  # 1e-3 is JSON, .05 and 1_000 are not
        except ValueError:
            raise wrong from None
    if isinstance(value, bool) != (kind == "bool") or not isinstance(value, int | float):
        raise wrong
    if "int" in kind and isinstance(value, float):
        if value != int(value):
            raise wrong
        return int(value)
    return float(value) if "float" in kind else value
