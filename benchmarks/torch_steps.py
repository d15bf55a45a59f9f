"""Training steps in PyTorch, one for every line on standard input; started by grouped.py and
train.py.

A line names a network, a memory layout ("channels_first" or "channels_last", with the suffix
"+bfloat16" for autocast), an image side and a batch size; the answer is the seconds of one step:
forward, backward, SGD with momentum.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def torchvision() -> Any:
    """Imports torchvision without its compiled operators, which no network needs."""
    kept = torch.library.register_fake

    def register(name: str, *args: Any, **options: Any) -> Any:
        if isinstance(name, str) and name.startswith("torchvision::"):
            return lambda function: function
        return kept(name, *args, **options)

    torch.library.register_fake = register
    try:
        import torchvision
    finally:
        torch.library.register_fake = kept
    return torchvision


class Unit(nn.Module):
    """ShuffleNet's unit (Zhang 2017, arXiv:1707.01083, figure 2)."""

    def __init__(self, inputs: int, outputs: int, stride: int, groups: tuple[int, int]) -> None:
        super().__init__()
        self.stride, self.groups, middle = stride, groups[1], outputs // 4
        branch_outputs = outputs - inputs if stride == 2 else outputs
        self.first = nn.Sequential(
            nn.Conv2d(inputs, middle, 1, groups=groups[0], bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
        )
        self.rest = nn.Sequential(
            nn.Conv2d(middle, middle, 3, stride, 1, groups=middle, bias=False),
            nn.BatchNorm2d(middle),
            nn.Conv2d(middle, branch_outputs, 1, groups=groups[1], bias=False),
            nn.BatchNorm2d(branch_outputs),
        )

    def forward(self, x: Any) -> Any:
        y = nn.functional.channel_shuffle(self.first(x), self.groups)
        y = self.rest(y)
        if self.stride == 1:
            return nn.functional.relu(x + y)
        pooled = nn.functional.avg_pool2d(x, 3, 2, 1)
        return nn.functional.relu(torch.cat([pooled, y], 1))


# Table 1 of the paper: channels of stages 2, 3 and 4 by the number of groups.
STAGES = {
    1: (144, 288, 576),
    2: (200, 400, 800),
    3: (240, 480, 960),
    4: (272, 544, 1088),
    8: (384, 768, 1536),
}


def shufflenet_v1(groups: int) -> nn.Module:
    """ShuffleNet v1, which torchvision does not have."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 24, 3, 2, 1, bias=False),
        nn.BatchNorm2d(24),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    before = 24
    for outputs, units in zip(STAGES[groups], (4, 8, 4), strict=True):
        for unit in range(units):
            both = (1 if before == 24 else groups, groups)
            layers.append(Unit(before, outputs, 1 if unit else 2, both))
            before = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 1000))


@functools.lru_cache(maxsize=2)  # grouped.py alternates between two; VGG-16 takes 2 GB each
def step(network: str, layout: str, side: int, batch: int) -> Callable[[], None]:
    """Returns a training step of a network, after two warm-up steps."""
    torch.manual_seed(0)
    if network.startswith("shufflenet_v1_g"):
        model = shufflenet_v1(int(network.removeprefix("shufflenet_v1_g")))
    else:
        model = getattr(torchvision().models, network)(weights=None)
    images, labels = torch.randn(batch, 3, side, side), torch.randint(1000, (batch,))
    layout, _, half = layout.partition("+")
    if layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, 0.9)
    loss = nn.CrossEntropyLoss()

    def once() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(half)):
            outputs = model(images)
        loss(outputs.float(), labels).backward()
        optimizer.step()

    once()
    once()
    return once


def main() -> None:
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        network, layout, side, batch = line.split()
        once = step(network, layout, int(side), int(batch))
        start = time.perf_counter()
        once()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
