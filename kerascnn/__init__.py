"""kerascnn: the classic convolutional networks for Keras 3, from LeNet-5 to EfficientNet.

Builders, training, evaluation, search and export. Importing this package imports neither Keras nor
TensorFlow; the function that needs them does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kerascnn.lazy import import_after
from kerascnn.version import __version__ as __version__

# Files that `model.save` wrote need the custom layers and optimizers when Keras loads them.
import_after("keras", ("kerascnn.layers", "kerascnn.recipes.optimizers"))

# Public name -> the module that defines it. Modules are named differently from the functions, since
# importing a submodule sets an attribute of its name on the package.
_HOMES = {
    "create_model": "kerascnn.create",
    "list_models": "kerascnn.models.registry",
    "model_info": "kerascnn.models.registry",
    "features": "kerascnn.models.feature_maps",
    "provenance": "kerascnn.models.provenance",
    "load_data": "kerascnn.data.load",
    "Data": "kerascnn.data.sources.dataset",
    "Preprocessing": "kerascnn.imaging.preprocessing",
    "Recipe": "kerascnn.recipes.lookup",
    "train": "kerascnn.training.train",
    "reproduce": "kerascnn.training.reproduce",
    "evaluate": "kerascnn.evaluation.evaluate",
    "Evaluation": "kerascnn.evaluation.evaluate",
    "Views": "kerascnn.evaluation.test_time_views",
    "report": "kerascnn.reports.run_report",
    "decode_predictions": "kerascnn.models.decode_predictions",
    "predict": "kerascnn.inference.predict",
    "Predictor": "kerascnn.inference.predictor",
    "export": "kerascnn.exporting.exporter",
    "ExportOptions": "kerascnn.exporting.common.options",
    "ExportReport": "kerascnn.exporting.exporter",
    "verify": "kerascnn.exporting.verify_export",
    "Run": "kerascnn.runs.run",
    "load_run": "kerascnn.runs.run",
    "summarize": "kerascnn.models.summary",
    "load_weights": "kerascnn.weights.load",
    "LoadReport": "kerascnn.weights.load_report",
    "load_report": "kerascnn.weights.load_report",
    "save_weights": "kerascnn.weights.save",
    "load_model": "kerascnn.weights.save",
}
_PACKAGES = ("applications", "keras_applications", "tuning")

if TYPE_CHECKING:
    from kerascnn import applications as applications
    from kerascnn import keras_applications as keras_applications
    from kerascnn import tuning as tuning
    from kerascnn.create import create_model as create_model
    from kerascnn.data.load import load_data as load_data
    from kerascnn.data.sources.dataset import Data as Data
    from kerascnn.evaluation.evaluate import Evaluation as Evaluation
    from kerascnn.evaluation.evaluate import evaluate as evaluate
    from kerascnn.evaluation.test_time_views import Views as Views
    from kerascnn.exporting.common.options import ExportOptions as ExportOptions
    from kerascnn.exporting.exporter import ExportReport as ExportReport
    from kerascnn.exporting.exporter import export as export
    from kerascnn.exporting.verify_export import verify as verify
    from kerascnn.imaging.preprocessing import Preprocessing as Preprocessing
    from kerascnn.inference.predict import predict as predict
    from kerascnn.inference.predictor import Predictor as Predictor
    from kerascnn.models.decode_predictions import decode_predictions as decode_predictions
    from kerascnn.models.feature_maps import features as features
    from kerascnn.models.provenance import provenance as provenance
    from kerascnn.models.registry import list_models as list_models
    from kerascnn.models.registry import model_info as model_info
    from kerascnn.models.summary import summarize as summarize
    from kerascnn.recipes.lookup import Recipe as Recipe
    from kerascnn.reports.run_report import report as report
    from kerascnn.runs.run import Run as Run
    from kerascnn.runs.run import load_run as load_run
    from kerascnn.training.reproduce import reproduce as reproduce
    from kerascnn.training.train import train as train
    from kerascnn.weights.load import load_weights as load_weights
    from kerascnn.weights.load_report import LoadReport as LoadReport
    from kerascnn.weights.load_report import load_report as load_report
    from kerascnn.weights.save import load_model as load_model
    from kerascnn.weights.save import save_weights as save_weights
else:  # a checker that saw this would take any mistyped name for a public one

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(importlib.import_module(_HOMES[name]), name)
        if name in _PACKAGES:
            return importlib.import_module(f"kerascnn.{name}")
        raise AttributeError(f"module 'kerascnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*(name for name in globals() if name.startswith("__")), *_HOMES, *_PACKAGES])
