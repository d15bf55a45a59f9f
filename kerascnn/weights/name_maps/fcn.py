"""The names of FCN's layers in other libraries: those of VGG-16, without FCN's score layers."""

from __future__ import annotations

from kerascnn.weights.name_maps import vgg

LAYOUTS = vgg.LAYOUTS
