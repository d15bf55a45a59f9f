"""Data sets: loading them from files, arrays or `tf.data`, and feeding them to a model."""

from __future__ import annotations

from kerascnn.data.distortion import Distortion as Distortion
from kerascnn.data.folder import find_images as find_images
from kerascnn.data.pipelines import batch_indices as batch_indices
from kerascnn.data.pipelines import data_errors as data_errors
from kerascnn.data.pipelines import pipeline as pipeline
from kerascnn.data.records import Data as Data
from kerascnn.data.records import Split as Split
from kerascnn.data.records import as_images as as_images
from kerascnn.data.sources import load_data as load_data
