"""MobileNets' names elsewhere; ours tell the versions apart: separable, bottleneck, bneck.

Keras's published files of MobileNetV2 and V3 are older than its code: "mobl1_conv_1_expand" and
"bn1_conv_1_bn_expand" they write, and "expanded_conv_1/expand/BatchNorm".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kerascnn.weights.name_maps._stages import (
    Block,
    by_block,
    inverted_in_timm,
    inverted_in_torchvision,
)

Inside = Callable[[Block], dict[str, str]]
Version = tuple[dict[str, str], Inside]


def _layout(**versions: Version) -> Callable[[Sequence[str]], dict[str, str]]:
    """Returns the layout of one source for whichever version the names are of."""

    def layout(names: Sequence[str]) -> dict[str, str]:
        for version, (ends, inside) in versions.items():
            if any(name.startswith(version) for name in names):
                return by_block(names, ends, inside)
        return {}

    return layout


def _bottleneck_in_torchvision(block: Block) -> dict[str, str]:
    place = f"features.{block.number}.conv"
    wide = "expand" in block.parts
    modules = {"expand": f"{place}.0.0", "expand_bn": f"{place}.0.1"} if wide else {}
    step = 1 if wide else 0
    modules.update(
        dw=f"{place}.{step}.0",
        dw_bn=f"{place}.{step}.1",
        project=f"{place}.{step + 1}",
        project_bn=f"{place}.{step + 2}",
    )
    return modules


def _bneck_in_torchvision(block: Block) -> dict[str, str]:
    return inverted_in_torchvision(block, f"features.{block.number}.block")


def _separable_in_timm(block: Block) -> dict[str, str]:
    place = f"blocks.{block.stage - 2}.{block.index - 1}"
    return {
        "dw": f"{place}.conv_dw",
        "dw_bn": f"{place}.bn1",
        "pw": f"{place}.conv_pw",
        "pw_bn": f"{place}.bn2",
    }


def _separable_in_keras(block: Block) -> dict[str, str]:
    names = {"dw": f"conv_dw_{block.number}", "pw": f"conv_pw_{block.number}"}
    return {**names, **{f"{part}_bn": f"{name}_bn" for part, name in names.items()}}


KERAS_PARTS = {"expand": "expand", "dw": "depthwise", "project": "project"}


def _inverted_in_keras(place: str, norm: str) -> dict[str, str]:
    modules = {ours: f"{place}{theirs}" for ours, theirs in KERAS_PARTS.items()}
    return modules | {f"{ours}_bn": f"{module}{norm}" for ours, module in modules.items()}


def _bottleneck_in_keras(block: Block) -> dict[str, str]:
    place = "expanded_conv_" if block.number == 1 else f"block_{block.number - 1}_"
    return _inverted_in_keras(place, "_BN")


def _bottleneck_in_keras_files(block: Block) -> dict[str, str]:
    at = block.number - 1
    modules = {}
    for ours, theirs in KERAS_PARTS.items():
        modules[ours] = f"mobl{at}_conv_{at}_{theirs}"
        modules[f"{ours}_bn"] = f"bn{at}_conv_{at}_bn_{theirs}"
    return modules


def _bneck_in_keras(
    block: Block, point: str = "_", norm: str = "_bn", squeeze: str = "squeeze_excite_conv"
) -> dict[str, str]:
    place = ("expanded_conv" if block.number == 1 else f"expanded_conv_{block.number - 1}") + point
    return {
        **_inverted_in_keras(place, norm),
        "se_reduce": f"{place}{squeeze}",
        "se_expand": f"{place}{squeeze}_1",
    }


def _bneck_in_keras_files(block: Block) -> dict[str, str]:
    return _bneck_in_keras(block, "/", "/BatchNorm", "squeeze_excite/Conv")


def _ends(
    conv1: tuple[str, str], last: tuple[str, str] | None, predictions: str, hidden: str = ""
) -> dict[str, str]:
    ends = {"conv1": conv1[0], "conv1_bn": conv1[1], "predictions": predictions}
    if last is not None:
        ends.update(conv_last=last[0], conv_last_bn=last[1])
    if hidden:
        ends["hidden"] = hidden
    return ends


_TV_FIRST, _TV_LAST = ("features.0.0", "features.0.1"), ("features.{after}.0", "features.{after}.1")
_TIMM_FIRST = ("conv_stem", "bn1")

LAYOUTS = {
    "torchvision": _layout(
        bottleneck=(_ends(_TV_FIRST, _TV_LAST, "classifier.1"), _bottleneck_in_torchvision),
        bneck=(
            _ends(_TV_FIRST, _TV_LAST, "classifier.3", hidden="classifier.0"),
            _bneck_in_torchvision,
        ),
    ),
    "timm": _layout(
        separable=(_ends(_TIMM_FIRST, None, "classifier"), _separable_in_timm),
        bottleneck=(_ends(_TIMM_FIRST, ("conv_head", "bn2"), "classifier"), inverted_in_timm),
        bneck=(
            # The last convolution is a stage of its own there.
            _ends(
                _TIMM_FIRST,
                ("blocks.{stages}.0.conv", "blocks.{stages}.0.bn1"),
                "classifier",
                hidden="conv_head",
            ),
            inverted_in_timm,
        ),
    ),
    "keras": _layout(
        separable=(_ends(("conv1", "conv1_bn"), None, "conv_preds"), _separable_in_keras),
        bottleneck=(
            _ends(("Conv1", "bn_Conv1"), ("Conv_1", "Conv_1_bn"), "predictions"),
            _bottleneck_in_keras,
        ),
        bneck=(
            _ends(("conv", "conv_bn"), ("conv_1", "conv_1_bn"), "logits", hidden="conv_2"),
            _bneck_in_keras,
        ),
    ),
    "keras_files": _layout(
        bottleneck=(
            _ends(("Conv1", "bn_Conv1"), ("Conv_1", "Conv_1_bn"), "Logits"),
            _bottleneck_in_keras_files,
        ),
        bneck=(
            _ends(
                ("Conv", "Conv/BatchNorm"),
                ("Conv_1", "Conv_1/BatchNorm"),
                "Logits",
                hidden="Conv_2",
            ),
            _bneck_in_keras_files,
        ),
    ),
}
EPSILONS = {"keras": 1e-3, "keras_files": 1e-3, "timm": 1e-5}
