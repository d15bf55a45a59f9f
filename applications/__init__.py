"""The architectures, one file a family; every builder is a name of this module.

    from kerascnn.applications import LeNet5
    model = LeNet5(classes=10)

Reading the tables imports neither Keras nor TensorFlow.
"""

from __future__ import annotations

from kerascnn.applications import lenet as lenet
from kerascnn.registry import builders

globals().update(builders())

__all__ = list(builders())
