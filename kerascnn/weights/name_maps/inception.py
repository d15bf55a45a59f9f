"""The names of Inception's layers in keras.applications, torchvision (Inception v3) and timm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kerascnn.weights.name_maps.layout import SourceNetwork

V3_STEM_STEPS = 7
"""Convolutions and pools of Inception v3's stem."""

# The names of the residual blocks in keras.applications' Inception-ResNet v2.
BLOCKS = {"a": "block35", "b": "block17", "c": "block8"}

# The names in torchvision's and timm's Inception v3.
V3_STEM = {
    "1": "Conv2d_1a_3x3", "2": "Conv2d_2a_3x3", "3": "Conv2d_2b_3x3", "5": "Conv2d_3b_1x1",
    "6": "Conv2d_4a_3x3",
}  # fmt: skip
# Kind of a module -> the prefixes of its branches. Convolutions of a branch are numbered if there
# are several.
V3_BRANCHES = {
    "a": ("branch1x1", "branch5x5", "branch3x3dbl", "branch_pool"),
    "reduction_a": ("branch3x3", "branch3x3dbl"),
    "b": ("branch1x1", "branch7x7", "branch7x7dbl", "branch_pool"),
    "reduction_b": ("branch3x3", "branch7x7x3"),
    "c": ("branch1x1", "branch3x3", "branch3x3dbl", "branch_pool"),
}
V3_AUX = {"aux1_conv1": "AuxLogits.conv0", "aux1_conv2": "AuxLogits.conv1", "aux1": "AuxLogits.fc"}
# Our names in Inception v3 and v4.
STEP = re.compile(
    r"(?P<module>stem_\d+|[abc]\d+|reduction_[ab])"
    r"(?:_b(?P<branch>\d)_(?P<step>\d))?(?:_b(?P<fork>\d)_1)?(?P<bn>_bn)?"
)
# The letter for each of the two convolutions at the end of a branch that forks.
FORKS = {None: "", "1": "a", "2": "b"}

# The names in timm's Inception-ResNet v2, and our names.
RESIDUAL_STEM = {
    "stem_1": "conv2d_1a", "stem_2": "conv2d_2a", "stem_3": "conv2d_2b", "stem_5": "conv2d_3b",
    "stem_6": "conv2d_4a", "tail_2": "conv2d_7b",
}  # fmt: skip
RESIDUAL_MODULES = {
    "stem_8": "mixed_5b", "reduction_a": "mixed_6a", "reduction_b": "mixed_7a", "tail_1": "block8",
    "a": "repeat", "b": "repeat_1", "c": "repeat_2",
}  # fmt: skip
RESIDUAL = re.compile(
    r"(?P<module>stem_8|reduction_[ab]|tail_1|[abc](?P<number>\d+))(?:_mixed)?"
    r"_(?:up|b(?P<branch>\d)_(?P<step>\d))"
)


def keras(names: Sequence[str], first: int = 0) -> dict[str, str]:
    """Returns Keras's automatic names in a new session: conv2d, conv2d_1, …

    Args:
        names: our layers with weights.
        first: the first number; conv2d is number 0.
    """
    modules, counts = {}, {"conv2d": first, "batch_normalization": first}
    residuals = sum(re.fullmatch(r"c\d+_up", name) is not None for name in names)
    for name in names:
        up = re.fullmatch(r"([abc])(\d+)_up", name)
        if up is not None:
            modules[name] = f"{BLOCKS[up[1]]}_{up[2]}_conv"
        elif name == "tail_1_up":
            modules[name] = f"block8_{residuals + 1}_conv"
        elif name in ("tail_2", "tail_2_bn"):
            modules[name] = name.replace("tail_2", "conv_7b")
        elif name == "predictions":
            modules[name] = name
        elif not name.startswith("aux1"):  # keras.applications has no auxiliary classifier
            kind = "batch_normalization" if name.endswith("_bn") else "conv2d"
            modules[name] = f"{kind}_{counts[kind]}" if counts[kind] else kind
            counts[kind] += 1
    return modules


def keras_files(names: Sequence[str]) -> dict[str, str]:
    """Returns the names in Keras's published files, whose numbers begin with conv2d_1."""
    return keras(names, 1)


def _conv_or_norm(module: str, is_norm: bool) -> str:
    """Returns the module of a convolution or of its batch norm."""
    return f"{module}.bn" if is_norm else f"{module}.conv"


def v3(names: Sequence[str]) -> dict[str, str]:
    """Returns torchvision's and timm's names of Inception v3; none for another Inception."""
    if not {name.split("_")[1] for name in names if name.startswith("stem_")} <= set(V3_STEM):
        return {}  # the stem is that of another Inception
    modules = {"predictions": "fc"}
    for name in names:
        bare = name.removesuffix("_bn")
        if bare in V3_AUX:
            aux = V3_AUX[bare]
            modules[name] = aux if bare == "aux1" else _conv_or_norm(aux, bare != name)
            continue
        part = STEP.fullmatch(name)
        if part is None:
            continue
        module = part["module"]
        if module.startswith("stem"):
            target = V3_STEM[module.removeprefix("stem_")]
        else:
            stage = module.rstrip("0123456789")
            number = int(module.removeprefix(stage) or 0)
            mixed = {
                "a": f"5{chr(ord('a') + number)}",
                "reduction_a": "6a",
                "b": f"6{chr(ord('a') + number)}",
                "reduction_b": "7a",
                "c": f"7{chr(ord('a') + number)}",
            }[stage]
            prefix = V3_BRANCHES[stage][int(part["branch"]) - 1]
            single = prefix in ("branch1x1", "branch_pool")
            single = single or (stage == "reduction_a" and prefix == "branch3x3")
            target = f"Mixed_{mixed}.{prefix}"
            target += "" if single else f"_{part['step']}{FORKS[part['fork']]}"
        modules[name] = _conv_or_norm(target, part["bn"] is not None)
    return modules


def v4(names: Sequence[str]) -> dict[str, str]:
    """Returns timm's names of Inception v4, whose `features` are numbered."""
    modules = {"predictions": "last_linear"}
    count = {stage: len({name.split("_")[0] for name in names if re.match(rf"{stage}\d", name)})
             for stage in "abc"}  # fmt: skip
    first = {"a": 6, "b": 6 + count["a"] + 1, "c": 6 + count["a"] + count["b"] + 2}
    for name in names:
        part = STEP.fullmatch(name)
        if part is None:
            continue
        module, branch, step = part["module"], part["branch"], part["step"]
        stage = module.rstrip("0123456789").rstrip("_")
        number = int(re.sub(r"\D", "", module) or 0)
        if stage == "stem":
            target = f"features.{number - 1}"
            if number in (4, 6):
                target += ".conv"
            elif number == 5:
                target += f".branch{int(branch) - 1}.{int(step) - 1}"
        else:
            reductions = {"reduction_a": first["b"] - 1, "reduction_b": first["c"] - 1}
            index = reductions[stage] if stage in reductions else first[stage] + number - 1
            target = f"features.{index}.branch{int(branch) - 1}"
            if stage == "c" and branch in "23":
                target += f"_{int(step) - 1}{FORKS[part['fork']]}"
            elif branch != "1" or stage == "reduction_b":
                target += f".{int(step) - 1}"
        modules[name] = _conv_or_norm(target, part["bn"] is not None)
    return modules


def residual(names: Sequence[str]) -> dict[str, str]:
    """Returns timm's names of Inception-ResNet v2."""
    modules = {"predictions": "classif"}
    for name in names:
        bare = name.removesuffix("_bn")
        if bare in RESIDUAL_STEM:
            modules[name] = _conv_or_norm(RESIDUAL_STEM[bare], bare != name)
        part = RESIDUAL.fullmatch(bare)
        if part is None:
            continue
        number = part["number"]
        module = RESIDUAL_MODULES[part["module"] if number is None else part["module"][0]]
        target = module if number is None else f"{module}.{int(number) - 1}"
        if part["branch"] is None:
            modules[name] = f"{target}.conv2d"
            continue
        target += f".branch{int(part['branch']) - 1}"
        # Convolutions of a branch are numbered if there are several.
        single = part["branch"] == "1" and module != "mixed_7a"
        target = target if single else f"{target}.{int(part['step']) - 1}"
        modules[name] = _conv_or_norm(target, bare != name)
    return modules


def timm(names: Sequence[str]) -> dict[str, str]:
    """Returns timm's names of Inception v3, Inception v4 or Inception-ResNet v2."""
    if "tail_1_up" in names:
        return residual(names)
    return v4(names) if "stem_4_b2_1" in names else v3(names)


LAYOUTS = {"keras": keras, "keras_files": keras_files, "torchvision": v3, "timm": timm}


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns the network of a source.

    The average pools of torchvision and of timm's Inception v3 count the zeros of the border.
    """
    if source in ("keras", "keras_files"):
        return (SourceNetwork({"gamma": False, "border_counts": False}, 1e-3),)
    third = not row.tail and len(row.stem) == V3_STEM_STEPS
    return (SourceNetwork({"gamma": True, "border_counts": third}, 1e-3),)
