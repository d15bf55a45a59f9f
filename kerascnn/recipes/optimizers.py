"""Makes the optimizer of a recipe: a Keras optimizer, or one with L2 decay in the gradient."""

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
    """Returns the recipe's optimizer, with the highest learning rate of the recipe.

    Args:
        recipe: its fields on the optimizer, weight decay, moving average and clipping are used.
            The training step does the accumulation, and a callback changes the learning rate.
        model: the weights of its layers that the recipe spares get no weight decay; None to apply
            the decay to all weights.
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
    optimizer: Any
    l2 = recipe.weight_decay if recipe.decay == "l2" else 0.0
    if recipe.optimizer == "sgd":
        common |= {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
        optimizer = SGDWithL2(l2=l2, **common) if l2 else keras.optimizers.SGD(**common)
    elif recipe.optimizer == "rmsprop":
        common |= {"rho": recipe.rho, "momentum": recipe.momentum}
        optimizer = RMSpropWithL2(l2=l2, **common) if l2 else keras.optimizers.RMSprop(**common)
    elif recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(**common)
    else:
        optimizer = keras.optimizers.AdamW(**{"weight_decay": 0.0, **common})
    if recipe.spare and model is not None:
        optimizer.exclude_from_weight_decay(var_list=spared_weights(model, recipe.spare))
    return optimizer


def spared_weights(model: keras.Model, kinds: tuple[str, ...]) -> list[keras.Variable]:
    """Returns the trainable weights of these kinds: "norm", "bias", "depthwise" filters."""
    weights = []
    for layer in model.layers:
        norm, depthwise = isinstance(layer, NORMS), isinstance(layer, DEPTHWISE)
        for weight in layer.trainable_weights:
            bias = not norm and weight.name == "bias"
            filters = depthwise and weight.name in ("kernel", "depthwise_kernel")
            of_kind = {"norm": norm, "bias": bias, "depthwise": filters}
            if any(of_kind[kind] for kind in kinds):
                weights.append(weight)
    return weights


class _WithL2:
    """Adds `l2` times each weight to its gradient, before the momentum is applied.

    It is the gradient of l2/2 times the sum of squared weights, which papers up to 2017 call weight
    decay. Keras's `weight_decay` instead subtracts from the weights, apart from the gradient.
    """

    def __init__(self, *, l2: float = 0.0, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.l2 = l2
        self._spared: set[int] = set()
        self._factors: list[float] = []

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        super().exclude_from_weight_decay(var_list, var_names)  # type: ignore[misc]
        self._spared = {id(variable) for variable in var_list or ()}

    def build(self, variables: Any) -> None:
        super().build(variables)  # type: ignore[misc]
        self._factors = [0.0 if id(variable) in self._spared else self.l2 for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # At this point, gradients are summed over the replicas and clipped.
        factor = self._factors[self._get_variable_index(variable)]  # type: ignore[attr-defined]
        if factor:
            gradient = keras.ops.add(gradient, keras.ops.multiply(factor, variable))
        super().update_step(gradient, variable, learning_rate)  # type: ignore[misc]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "l2": self.l2}  # type: ignore[misc]


@keras.saving.register_keras_serializable("kerascnn")
class SGDWithL2(_WithL2, keras.optimizers.SGD):
    """SGD with momentum and L2 weight decay in the gradient."""


@keras.saving.register_keras_serializable("kerascnn")
class RMSpropWithL2(_WithL2, keras.optimizers.RMSprop):
    """RMSProp with L2 weight decay in the gradient."""
