"""The layer at the end of a network's body, which carries the record of the network."""

from __future__ import annotations

import copy
from typing import Any

import keras

RECORD = "kerascnn"
"""Key of the record among the values with which a saved layer is built again."""


class _Config(dict[str, Any]):
    """The configuration of a layer, from which `from_config` also takes the record.

    Keras writes it to a file as a plain dictionary, so the layer's arguments stay those of Keras.
    """

    record: dict[str, Any] | None = None


@keras.saving.register_keras_serializable("kerascnn", "Features")
class Identity(keras.layers.Identity):
    """`keras.layers.Identity` that carries a record of the network and of its weights.

    The record is kept when a model is saved and loaded, cloned, or built from its configuration. It
    is saved as Keras's layer with one more value, which Keras ignores, so a saved model loads
    without this package.

    Attributes:
        record: plain JSON, as `kerascnn.models.identity` reads and writes it; None without one.
    """

    __module__ = keras.layers.Identity.__module__
    record: dict[str, Any] | None = None

    @property
    def __wrapped__(self) -> keras.layers.Identity:
        """Keras's own layer, which Keras's older format (.h5) writes by the name of its class.

        Only `inspect.unwrap` reads this, with which Keras begins to write that format.
        """
        return keras.layers.Identity(**super().get_config())

    def build(self, input_shape: Any) -> None:
        """Does nothing; without it, Keras calls no `build_from_config`."""

    def get_config(self) -> dict[str, Any]:
        config = _Config(super().get_config())
        config.record = self.record
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Identity:
        layer = super().from_config(config)
        keep_record(layer, getattr(config, "record", None))
        return layer

    def get_build_config(self) -> dict[str, Any] | None:
        config = super().get_build_config()
        if self.record is None:
            return config
        return {**(config or {}), RECORD: copy.deepcopy(self.record)}

    def build_from_config(self, config: dict[str, Any]) -> None:
        super().build_from_config(config)
        keep_record(self, config.get(RECORD))


def keep_record(layer: Identity, record: Any) -> None:
    """Stores a record in the layer; what is no dictionary is left out."""
    if isinstance(record, dict):
        # Not by the layer's own method, which would wrap the dictionary and track it as state.
        object.__setattr__(layer, "record", copy.deepcopy(record))
