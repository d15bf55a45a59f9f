"""FCN takes the convolutions, fc6 and fc7 of a VGG-16; its scores have no counterpart there."""

from __future__ import annotations

from kerascnn.weights.name_maps.vgg import LAYOUTS as LAYOUTS
