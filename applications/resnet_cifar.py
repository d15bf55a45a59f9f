"""ResNets and plain networks for CIFAR: 6n + 2 layers.

He, Zhang, Ren, Sun 2015, "Deep residual learning for image recognition", arXiv:1512.03385, section
4.2. All shortcuts are the identity (option A), so that a residual network has exactly the
parameters of the plain network. The paper does not say where the zero channels are; here half of
them are before and half after the others, as in published checkpoints.

ResNet-1202 is `create_model("resnet110_cifar", repeats=(200, 200, 200))`; ResNet-1001 of
arXiv:1603.05027 is the same call with `repeats=(111, 111, 111), block="bottleneck",
pre_activation=True, shortcut="B"`. depth, width and kernel_size: see
`blocks/residual.py`; columns: see `blocks/residual_rows.py`. The stem is the small one already.
"""

from __future__ import annotations

from dataclasses import replace

from kerascnn.applications.blocks.residual import register_network
from kerascnn.applications.blocks.residual_rows import RowV1
from kerascnn.applications.resnet import PAPER

# Section 4.2 (Table 6 has the parameters in millions): n blocks in every stage.
TABLE = (
    # layers  n  parameters  MACs
    (20, 3, 269_722, 40_551_040),
    (32, 5, 464_154, 68_862_592),
    (44, 7, 658_586, 97_174_144),
    (56, 9, 853_018, 125_485_696),
    (110, 18, 1_727_962, 252_887_680),
)
DEEPEST_PLAIN = 56  # the paper's plain nets end here (Figure 6, left)


for layers, n, params, macs in TABLE:
    row = RowV1((n, n, n), "basic", (16, 32, 64), "3x3", 16, shortcut="A")
    register_network(PAPER, f"resnet{layers}_cifar", f"ResNet{layers}CIFAR", row, params, macs)
    if layers <= DEEPEST_PLAIN:
        plain = replace(row, shortcut="none")
        register_network(PAPER, f"plain{layers}_cifar", f"Plain{layers}CIFAR", plain, params, macs)
