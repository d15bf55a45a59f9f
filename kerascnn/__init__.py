"""kerascnn: the classic convolutional networks for Keras 3, from LeNet-5 to EfficientNet.

Builders, training, evaluation, search and export. Importing this package imports neither Keras nor
TensorFlow; the function that needs them does.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# In a bare clone `applications` and `tuning` lie beside this package, not inside it; an installed
# copy has them inside. A setup.cfg of ours one level up tells the two apart.
_root = Path(__file__).resolve().parent.parent
if (_root / "setup.cfg").is_file() and (_root / "applications" / "blocks.py").is_file():
    __path__.append(str(_root))

# Public name -> the module that defines it. Modules are named differently from the functions, since
# importing a submodule sets an attribute of its name on the package.
_HOMES = {
    "create_model": "kerascnn.registry",
    "list_models": "kerascnn.registry",
    "model_info": "kerascnn.registry",
    "features": "kerascnn.taps",
    "provenance": "kerascnn.assemble",
    "load_data": "kerascnn.data",
    "Data": "kerascnn.data",
    "Preprocessing": "kerascnn.preprocessing",
    "Recipe": "kerascnn.recipes",
    "train": "kerascnn.training",
    "reproduce": "kerascnn.reproducing",
    "evaluate": "kerascnn.evaluating",
    "Evaluation": "kerascnn.evaluating",
    "Views": "kerascnn.views",
    "report": "kerascnn.reporting",
    "decode_predictions": "kerascnn.labels",
    "predict": "kerascnn.predicting",
    "Predictor": "kerascnn.predictor",
    "export": "kerascnn.exporting",
    "ExportOptions": "kerascnn.exporting.options",
    "ExportReport": "kerascnn.exporting",
    "verify": "kerascnn.exporting.verifying",
    "Run": "kerascnn.runs",
    "load_run": "kerascnn.runs",
    "summarize": "kerascnn.summary",
    "load_weights": "kerascnn.weights.loading",
    "LoadReport": "kerascnn.weights.report",
    "load_report": "kerascnn.weights.report",
    "save_weights": "kerascnn.weights.saving",
    "load_model": "kerascnn.weights.saving",
}
_PACKAGES = ("applications", "tuning")

if TYPE_CHECKING:
    from kerascnn.assemble import provenance as provenance
    from kerascnn.data import Data as Data
    from kerascnn.data import load_data as load_data
    from kerascnn.evaluating import Evaluation as Evaluation
    from kerascnn.evaluating import evaluate as evaluate
    from kerascnn.exporting import ExportReport as ExportReport
    from kerascnn.exporting import export as export
    from kerascnn.exporting.options import ExportOptions as ExportOptions
    from kerascnn.exporting.verifying import verify as verify
    from kerascnn.labels import decode_predictions as decode_predictions
    from kerascnn.predicting import predict as predict
    from kerascnn.predictor import Predictor as Predictor
    from kerascnn.preprocessing import Preprocessing as Preprocessing
    from kerascnn.recipes import Recipe as Recipe
    from kerascnn.registry import create_model as create_model
    from kerascnn.registry import list_models as list_models
    from kerascnn.registry import model_info as model_info
    from kerascnn.reporting import report as report
    from kerascnn.reproducing import reproduce as reproduce
    from kerascnn.runs import Run as Run
    from kerascnn.runs import load_run as load_run
    from kerascnn.summary import summarize as summarize
    from kerascnn.taps import features as features
    from kerascnn.training import train as train
    from kerascnn.views import Views as Views
    from kerascnn.weights.loading import load_weights as load_weights
    from kerascnn.weights.report import LoadReport as LoadReport
    from kerascnn.weights.report import load_report as load_report
    from kerascnn.weights.saving import load_model as load_model
    from kerascnn.weights.saving import save_weights as save_weights


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"kerascnn.{name}")
    raise AttributeError(f"module 'kerascnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, *_PACKAGES])
