"""The optimizer of a recipe: Keras's own classes, and two with the weight decay of the papers."""

from __future__ import annotations

from typing import Any

import keras

from kerascnn.recipes.fields import Recipe

NORMS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
)
DEPTHWISE = (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)


def make_optimizer(recipe: Recipe, model: keras.Model | None = None) -> keras.optimizers.Optimizer:
    """Returns the recipe's optimizer at its highest rate; `pacing.LearningRate` moves the rate.

    Args:
        recipe: its optimizer, decay, average and clipping count; accumulation belongs to the step.
        model: whose weights are looked at for what does not decay; None for no exception.
    """
    common: dict[str, Any] = {"learning_rate": recipe.peak_rate}
    if recipe.clip_norm:
        common["global_clipnorm"] = recipe.clip_norm
    if recipe.ema:
        common |= {"use_ema": True, "ema_momentum": recipe.ema}
    if recipe.weight_decay and recipe.decay == "decoupled" and recipe.optimizer != "adam":
        common["weight_decay"] = recipe.weight_decay
    if recipe.epsilon is not None and recipe.optimizer != "sgd":
        common["epsilon"] = recipe.epsilon
    made: Any
    l2 = recipe.weight_decay if recipe.decay == "l2" else 0.0
    if recipe.optimizer == "sgd":
        common |= {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
        made = SGDWithL2(l2=l2, **common) if l2 else keras.optimizers.SGD(**common)
    elif recipe.optimizer == "rmsprop":
        common |= {"rho": recipe.rho, "momentum": recipe.momentum}
        made = RMSpropWithL2(l2=l2, **common) if l2 else keras.optimizers.RMSprop(**common)
    elif recipe.optimizer == "adam":
        made = keras.optimizers.Adam(**common)
    else:
        made = keras.optimizers.AdamW(**{"weight_decay": 0.0, **common})
    if recipe.spare and model is not None:
        made.exclude_from_weight_decay(var_list=spared_weights(model, recipe.spare))
    return made


def spared_weights(model: keras.Model, kinds: tuple[str, ...]) -> list[keras.Variable]:
    """Returns the trainable weights of these kinds: "norm", "bias", "depthwise" filters."""
    found = []
    for layer in model.layers:
        norm, depthwise = isinstance(layer, NORMS), isinstance(layer, DEPTHWISE)
        for weight in layer.trainable_weights:
            bias = not norm and weight.name == "bias"
            filters = depthwise and weight.name in ("kernel", "depthwise_kernel")
            of_kind = {"norm": norm, "bias": bias, "depthwise": filters}
            if any(of_kind[kind] for kind in kinds):
                found.append(weight)
    return found


class _WithL2:
    """Adds `l2` times the weight to its gradient, in front of the momentum.

    This is what the papers up to 2017 mean by weight decay, and the gradient of l2/2 times the sum
    of squares. Keras's `weight_decay` shrinks the weight beside the gradient's step instead.
    """

    def __init__(self, *, l2: float = 0.0, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.l2 = l2
        self._spared: set[int] = set()
        self._shares: list[float] = []

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        super().exclude_from_weight_decay(var_list, var_names)  # type: ignore[misc]
        self._spared = {id(variable) for variable in var_list or ()}

    def build(self, variables: Any) -> None:
        super().build(variables)  # type: ignore[misc]
        self._shares = [0.0 if id(one) in self._spared else self.l2 for one in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # Here gradients are already summed over the replicas and clipped.
        share = self._shares[self._get_variable_index(variable)]  # type: ignore[attr-defined]
        if share:
            gradient = keras.ops.add(gradient, keras.ops.multiply(share, variable))
        super().update_step(gradient, variable, learning_rate)  # type: ignore[misc]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "l2": self.l2}  # type: ignore[misc]


@keras.saving.register_keras_serializable("kerascnn")
class SGDWithL2(_WithL2, keras.optimizers.SGD):
    """SGD with momentum and weight decay inside the gradient."""


@keras.saving.register_keras_serializable("kerascnn")
class RMSpropWithL2(_WithL2, keras.optimizers.RMSprop):
    """RMSProp with weight decay inside the gradient."""
