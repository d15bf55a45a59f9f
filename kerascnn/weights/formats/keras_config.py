"""Checks the configuration of a Keras model, as data: nothing in it is built here.

Keras's own loader looks up any class or function that a configuration names, calls it with the
arguments in the file, and refuses only those that are known to do harm. Here, everything that is
not in `keras_objects` is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats import json_text
from kerascnn.weights.formats.byte_range import ITEM_BYTES
from kerascnn.weights.formats.keras_objects import (
    CODE,
    FUNCTION_MODULES,
    FUNCTIONS,
    LAYER_MODULES,
    OWN_NAMES,
    module_of,
    names_code,
)

LIMIT = 6 * 2**20
"""Bytes of a configuration; one of 1,000 layers has one megabyte."""
MEMORY_LIMIT = 48 * 2**20
"""Bytes that the values of a configuration may take, by `MEMORY`."""
MEMORY = {b"{": 200, b"[": 80, b":": 60, b",": 60}
"""Bytes that a value behind each sign takes in memory, at most, besides its text."""
MAXIMUM_DEPTH = 100
"""Levels of lists, tables and objects inside each other; a model in a model takes five."""
MAXIMUM_LAYERS = 5_000
MAXIMUM_AHEAD = 200
"""How many inputs of layers may be listed behind them."""

CONFIGURATION_ADVICE = "build the network in Python and load the weights alone with load_weights"
TRUST_ADVICE = "`kerascnn weights extract --trust` takes only its arrays out"

_TEXT_KEYS = ("class_name", "module", "registered_name")
_KEYS = ("module", "class_name", "config", "registered_name", "name", "inbound_nodes")
_BUILD_KEYS = ("input_shape", "shapes_dict", "kerascnn")
_COMPILE_KEYS = (
    "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly",
    "steps_per_execution", "jit_compile", "auto_scale_loss",
)  # fmt: skip
_PLAIN_CLASSES = {
    "__keras_tensor__": ("shape", "dtype", "keras_history"),
    "__numpy__": ("value", "dtype"),
    "__tensor__": ("value", "dtype"),
    "__slice__": ("start", "stop", "step"),
    "__ellipsis__": (),
}
"""Values that Keras writes as objects -> the keys of their configuration."""
# A network's arrays are counted before it is built. These arguments decide how much memory other
# objects take while they are made: windows, lists of outputs, tables of thresholds.
_LIMITS = {
    **dict.fromkeys(("pool_size", "kernel_size", "radius", "parts", "groups", "num_ops"), 4096),
    **dict.fromkeys(("indices_or_sections", "output_size", "num_heads", "repeats"), 4096),
    **dict.fromkeys(("num_thresholds", "num_tokens", "top_k", "k"), 20_000),
    "num_classes": 2_000,
}
# Metrics reserve memory as soon as they are made: so many values for an argument.
_METRIC_VALUES: dict[str, Callable[[int], int]] = {
    "num_classes": lambda count: count * count,
    "num_thresholds": lambda count: 8 * count,
}
MAXIMUM_METRIC_VALUES = 2**22
_REGISTERED = re.compile(r"[\w.]+>\w+")
_NAMES = ("name", "class_name", "registered_name", "layer")
_SEEDS = ("seed", "shared_object_id")


def parse(text: bytes, what: str) -> Any:
    """Returns the value of a configuration; raises UnsafeFileError if it would take much memory.

    Args:
        text: the configuration, in JSON.
        what: what the text is in the file, for the message.
    """
    memory = sum(text.count(sign) * size for sign, size in MEMORY.items())
    if len(text) > LIMIT or memory > MEMORY_LIMIT:
        raise UnsafeFileError(f"its {what} is absurdly large")
    return json_text.parse(text, what)


def without_code(text: bytes, what: str) -> Any:
    """Returns a configuration; refuses one with code, or that names what could run or read files.

    The weights of such a file could be read. They are refused because they are of no use without
    the code, which is part of what the network computes. Classes and functions of the model's
    author are accepted, since only the arrays of the file are read.

    Args:
        text: the configuration, in JSON.
        what: what the text is in the file, for the message.
    """
    value = parse(text, what)
    _Checker(what, strict=False).check(value)
    return value


def checked(text: bytes, what: str) -> dict[str, Any]:
    """Returns a configuration that only names what `keras_objects` lists, with plain arguments.

    Every object in it has the module in which Keras has its class, and no registered name but those
    of this package, so that Keras finds exactly the classes that were checked.

    Args:
        text: the configuration, in JSON.
        what: what the text is in the file, for the message.

    Raises:
        UnsafeFileError: it names anything else.
        DamagedFileError: it is not a configuration of a model.
    """
    value = parse(text, what)
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
        raise DamagedFileError(f"its {what} does not describe a model")
    _Checker(what, strict=True).check(value)
    if value["class_name"] not in ("Functional", "Model", "Sequential"):
        raise DamagedFileError(f"its {what} describes a {value['class_name']} and not a model")
    return value


class _Checker:
    """Checks one configuration.

    Args:
        what: what the configuration is in the file, for messages.
        strict: refuse everything that is not listed, and rewrite the objects in the way that
            `checked` describes; otherwise refuse code alone.
    """

    def __init__(self, what: str, *, strict: bool) -> None:
        self.what, self.strict = what, strict
        self.layers = 0
        self.metric_values = 0

    def check(self, value: Any) -> None:
        """Checks a value and all that is inside it."""
        root = value
        waiting: list[tuple[Any, str, str, int]] = [(value, "", self.what, 0)]
        while waiting:
            item, key, owner, depth = waiting.pop()
            if depth > MAXIMUM_DEPTH:
                raise UnsafeFileError(f"its {self.what} is nested too deep")
            if isinstance(item, dict):
                inner = item.get("config")
                name = inner.get("name") if isinstance(inner, dict) else None
                owner = name if isinstance(name, str) else owner
                if "class_name" in item:
                    self._check_object(item, owner, is_root=item is root)
                waiting.extend((value, name, owner, depth + 1) for name, value in item.items())
            elif isinstance(item, list):
                waiting.extend((value, key, owner, depth + 1) for value in item)
            elif self.strict:
                self._check_plain(item, key, owner)

    def _refused(self, name: object, owner: str, why: str, advice: str) -> UnsafeFileError:
        label = name if isinstance(name, str) and name.isidentifier() and len(name) < 40 else "?"
        place = "" if owner == self.what else f" in {quoted(owner)}"
        return UnsafeFileError(f"its {self.what} has a {label}{place}, {why}; {advice}")

    def _check_object(self, item: dict[str, Any], owner: str, *, is_root: bool) -> None:
        name, module, registered = (item.get(key) for key in _TEXT_KEYS)
        function = name == "function"
        target = item.get("config") if function else name
        if not all(isinstance(text, str | None) for text in (name, module, registered, target)):
            raise DamagedFileError(f"its {self.what} has an object without a class")
        if name in CODE or target in CODE:
            raise self._refused(
                "Lambda" if target == "__lambda__" or name == "__lambda__" else target,
                owner,
                "which is code",
                "save the weights alone: model.save_weights('x.weights.h5')",
            )
        if name in _PLAIN_CLASSES:
            if self.strict:
                self._check_value(item, owner)
            return
        if function:
            known = target in FUNCTIONS and module in FUNCTION_MODULES
        else:
            own = registered in OWN_NAMES
            known = own or (module_of(module, name) is not None and registered in (None, name))
        if not known and names_code(module, target):
            raise self._refused(
                target,
                owner,
                "which can run code or read files",
                TRUST_ADVICE,
            )
        if not self.strict:
            return
        if not known:
            raise self._refused(
                target, owner, "which is not built from a file", CONFIGURATION_ADVICE
            )
        if function:
            item.clear()
            item.update(
                module="builtins", class_name=name, config=target, registered_name="function"
            )
            return
        self._rewrite(item, module_of(module, name), is_root=is_root)

    def _rewrite(self, item: dict[str, Any], module: str | None, *, is_root: bool) -> None:
        """Removes what Keras does not need from an object, and sets where its class is."""
        name, registered = item["class_name"], item.get("registered_name")
        own = registered in OWN_NAMES
        config = item.get("config")
        config = {} if config is None else config
        if not isinstance(config, dict):
            raise DamagedFileError(f"its {self.what} has a {name} without arguments")
        build, compiled = item.get("build_config"), item.get("compile_config")
        shared = item.get("shared_object_id")
        kept = {key: item[key] for key in _KEYS if key in item}
        kept.update(module=None if own else module, config=config)
        kept["registered_name"] = registered if own else None
        if isinstance(build, dict):
            kept["build_config"] = {key: build[key] for key in _BUILD_KEYS if key in build}
        if isinstance(shared, int):
            kept["shared_object_id"] = shared
        if is_root and isinstance(compiled, dict) and compiled:
            kept["compile_config"] = {
                key: compiled[key] for key in _COMPILE_KEYS if key in compiled
            }
        elif compiled:
            # Models inside are not compiled, but what they name is checked too.
            self.check({"compiled": compiled})
        item.clear()
        item.update(kept)
        self.layers += own or module in LAYER_MODULES
        if self.layers > MAXIMUM_LAYERS:
            raise UnsafeFileError(f"its {self.what} has more than {MAXIMUM_LAYERS:,} layers")
        layers = config.get("layers")
        if isinstance(layers, list):
            self._check_order(layers)

    def _check_order(self, layers: list[Any]) -> None:
        """Refuses layers in another order than Keras writes, which would take very long to connect.

        Keras lists a layer behind those that it reads, except where layers are used several times.
        """
        if not all(isinstance(layer, dict) and "class_name" in layer for layer in layers):
            raise DamagedFileError(f"its {self.what} has a layer without a class")
        listed: set[str] = set()
        ahead = 0
        for layer in layers:
            ahead += sum(name not in listed for name in _inputs(layer.get("inbound_nodes")))
            listed.add(str(layer.get("name")))
        if ahead > MAXIMUM_AHEAD:
            raise UnsafeFileError(f"its {self.what} lists its layers in disorder")

    def _check_value(self, item: dict[str, Any], owner: str) -> None:
        config, name = item.get("config"), item["class_name"]
        if not isinstance(config, dict) or not set(_PLAIN_CLASSES[name]).issuperset(config):
            raise DamagedFileError(f"its {self.what} has a damaged value in {quoted(owner)}")
        if "dtype" in config and config["dtype"] not in (*ITEM_BYTES, None):
            raise UnsafeFileError(f"its {self.what} has a value of no number in {quoted(owner)}")

    def _check_plain(self, item: Any, key: str, owner: str) -> None:
        if isinstance(item, str) and _REGISTERED.fullmatch(item) and key not in _NAMES:
            raise self._refused(item, owner, "a class by its name alone", CONFIGURATION_ADVICE)
        if isinstance(item, int) and key not in _SEEDS:
            limit = _LIMITS.get(key, 2**31)
            if not -limit <= item <= limit:
                raise UnsafeFileError(
                    f"its {self.what} has an absurdly large {quoted(key)} in {quoted(owner)}"
                )
            self.metric_values += _METRIC_VALUES[key](item) if key in _METRIC_VALUES else 0
            if self.metric_values > MAXIMUM_METRIC_VALUES:
                raise UnsafeFileError(f"its {self.what} has metrics of an absurd size")


def _inputs(nodes: Any) -> Iterator[str]:
    """Yields the names of the layers that a layer reads, as Keras 3 or Keras 2 writes its calls."""
    waiting = [nodes]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            history = item.get("keras_history")
            if isinstance(history, list) and history:
                yield str(history[0])
            else:
                waiting.extend(item.values())
        elif isinstance(item, list):
            if len(item) >= 3 and isinstance(item[0], str) and isinstance(item[1], int):
                yield item[0]
            waiting.extend(inner for inner in item if isinstance(inner, dict | list))
