"""MobileNets' names elsewhere; ours tell the versions apart: separable, bottleneck, bneck."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kerascnn.weights.layouts._stages import (
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


def _inverted_in_keras(place: str, norm: str) -> dict[str, str]:
    parts = {"expand": "expand", "dw": "depthwise", "project": "project"}
    modules = {ours: f"{place}_{theirs}" for ours, theirs in parts.items()}
    modules.update({f"{ours}_bn": f"{place}_{theirs}_{norm}" for ours, theirs in parts.items()})
    modules["se_reduce"] = f"{place}_squeeze_excite_conv"
    modules["se_expand"] = f"{place}_squeeze_excite_conv_1"
    return modules


def _bottleneck_in_keras(block: Block) -> dict[str, str]:
    first = block.number == 1
    return _inverted_in_keras("expanded_conv" if first else f"block_{block.number - 1}", "BN")


def _bneck_in_keras(block: Block) -> dict[str, str]:
    first = block.number == 1
    return _inverted_in_keras("expanded_conv" + ("" if first else f"_{block.number - 1}"), "bn")


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
}
EPSILONS = {"keras": 1e-3, "timm": 1e-5}
