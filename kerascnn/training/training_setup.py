"""The settings of a training, and the one function that compiles a network for them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascnn.data.sources.dataset import Data
from kerascnn.lazy import keras, tf
from kerascnn.recipes.fields import Recipe
from kerascnn.training.strategy import policy_scope

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from kerascnn.training.train_step import Engine


@dataclass(frozen=True)
class TrainingSetup:
    """The settings of one training, apart from the network and the data.

    Args:
        recipe: the recipe, with the epochs and the batch size that are used.
        policy: name of the Keras dtype policy; "auto" while it is not chosen yet.
        strategy: the `tf.distribute` strategy to build, compile and train under.
        batch_norm: on several replicas, "synchronized" or "replica"; see `train`.
        seed: seed of the weights, the order of the images and the augmentation.
        max_bad: number or share of image files that may become unreadable; see `train`.
    """

    recipe: Recipe
    policy: str
    strategy: tf.distribute.Strategy
    batch_norm: str = "synchronized"
    seed: int = 0
    max_bad: int | str = 0

    @property
    def replicas(self) -> int:
        """The number of devices that share a batch."""
        return self.strategy.num_replicas_in_sync

    @property
    def replica_batch(self) -> int:
        """The largest number of images of a step on one replica."""
        return -(-self.recipe.batch_size // self.replicas)

    def steps(self, data: Data) -> int:
        """Returns the number of training steps in an epoch."""
        return len(data.train) // self.recipe.batch_size

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Sets the dtype policy and enters the strategy's scope within the block."""
        with policy_scope(self.policy), self.strategy.scope():
            yield

    def build(self, make: Callable[[], keras.Model]) -> keras.Model:
        """Returns the network that `make` builds under this seed, dtype policy and strategy."""
        keras.utils.set_random_seed(self.seed)
        with self.scope():
            return make()


def compiled_engine(network: keras.Model, setup: TrainingSetup) -> Engine:
    """Returns the engine that trains a network, compiled with the recipe's optimizer and loss.

    Call it in the scope in which the network was built (`setup.scope()`).

    Args:
        network: a model as `models.auxiliary.listed` returns it; it is compiled too.
        setup: the settings of the training.
    """
    from kerascnn.recipes.optimizers import make_optimizer
    from kerascnn.training.losses import compile_arguments
    from kerascnn.training.multi_worker import engine_for

    recipe = setup.recipe
    engine = engine_for(network, recipe.accumulate, setup.batch_norm)
    engine.compile(make_optimizer(recipe, network), **compile_arguments(recipe, network))
    return engine
