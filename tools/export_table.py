"""Exports every row and writes docs/export.md: differences from Keras, and nodes of the graphs.

    python tools/export_table.py               # the rows that are missing; hours for all
    python tools/export_table.py lenet5 vgg16  # these rows again

    python tools/export_table.py --page        # the page again, from earlier measurements

Measurements are kept in benchmarks/results/export_rows.json, and the page is written from this file
after every row. Each row is built with logits as outputs and random biases; its batch norms have
the statistics of its own activations, as in a trained network. It is compared on windows of
scikit-learn's two photographs and on random images, 32 together, in a separate process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
PAGE = ROOT / "docs" / "export.md"
MEASURED = ROOT / "benchmarks" / "results" / "export_rows.json"
FORMATS = ("savedmodel", "onnx", "litert")
FIGURES = ("relative", "top1_agreement", "ties", "bytes", "convert_seconds", "nodes")
VERSIONS = ("keras", "tensorflow", "onnxruntime", "ai-edge-litert")
IMAGES = 32
OFFSETS = (0.0, 1.0)
"""Means of the batch norms' offsets; the second is used where the comparison refuses the first.
Untrained networks of many layers without shortcuts amplify every rounding error: plain56_cifar in
float32 differs from itself in float64 by 2e-4 with the first and by 2e-6 with the second, with
which five units of six are above zero."""
PASS, PIXELS = 8, 2**20
"""Images and pixels in one pass for the statistics: EfficientNet needs 9 kB for each pixel."""


def measure(name: str, out: Path) -> None:
    """Exports one row and writes the result as JSON."""
    from machine import machine

    from kerascnn.exporting.common.network import prepare
    from kerascnn.exporting.onnx.format import nodes_of
    from kerascnn.exporting.onnx.writer import write_graph

    for offset in OFFSETS:
        model, samples = drawn(name, offset)
        formats = exported(model, samples)
        if not any("error" in figures for figures in formats.values()):
            break
    about = machine()
    figures = {
        "machine": f"{about['cpu']}, {about['cores']} cores",
        "date": about["date"],
        "versions": {package: about["versions"][package] for package in VERSIONS},
        "offset": offset,
        "formats": formats,
        "nchw": nodes_of(write_graph(prepare(model), 17, "nchw")),
    }
    out.write_text(json.dumps(figures), "utf-8")


def drawn(name: str, offset: float) -> tuple[Any, Any]:
    """Returns a row's model with weights, and the images that are not random.

    Args:
        name: the row.
        offset: mean of the offsets of its batch norms.
    """
    import keras
    import numpy as np

    import kerascnn
    from kerascnn.errors import KerasCNNError
    from kerascnn.exporting.common.equivalence import random_batches

    keras.utils.set_random_seed(0)
    try:
        model = kerascnn.create_model(name, classifier_activation=None)
    except KerasCNNError:  # the head of 1998 and of AlphaGo is its paper's
        model = kerascnn.create_model(name)
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if any(part in weight.path for part in ("beta", "bias")):
            mean = offset if "beta" in weight.path else 0.0
            weight.assign(generator.normal(mean, 0.1, weight.shape))
    samples = windows(model.input_shape[1:], generator)
    noise = np.concatenate(random_batches(model.input_shape[1:], model.dtype, None))
    own_statistics(model, generator.permutation(np.concatenate([samples, noise])))
    return model, samples


def own_statistics(model: Any, images: Any) -> None:
    """Sets the statistics of the batch norms to those of their own inputs, as after training.

    All compared images are used. With statistics of other images, or random ones, one image in
    thirty has activations far outside the statistics in some deep networks: the gates of
    squeeze-and-excitation saturate, and float32's rounding decides in which direction. SENet-154
    then differed by 0.02 from itself in float64, and by 0.01 between batches of one and of eight.
    """
    norms = [layer for layer in model.layers if hasattr(layer, "moving_variance")]
    momenta = [layer.momentum for layer in norms]
    size = PASS
    while size * images.shape[1] * images.shape[2] > PIXELS:
        size //= 2
    for place, batch in enumerate(images.reshape(-1, size, *images.shape[1:]) if norms else ()):
        for layer in norms:
            layer.momentum = place / (place + 1)  # the plain mean over all batches so far
        model(batch, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


def exported(model: Any, samples: Any) -> dict[str, dict[str, Any]]:
    """Returns the figures of each format, or the reason why it was refused."""
    from kerascnn.errors import KerasCNNError
    from kerascnn.exporting.exporter import export

    results: dict[str, dict[str, Any]] = {}
    for form in FORMATS:
        with tempfile.TemporaryDirectory() as temporary:
            try:
                (report,) = export(model, Path(temporary) / "out", [form], samples=samples)
                figures = report.to_json()
                results[form] = {figure: figures[figure] for figure in FIGURES}
            except KerasCNNError as error:
                results[form] = {"error": str(error)}
    return results


def windows(shape: tuple[int, ...], generator: Any) -> Any:
    """Returns windows of two photographs, with values from -1 to 1; noise for the 48 planes of Go.

    Images of noise have nearly equal activations after a few layers; their small differences would
    be amplified together with the rounding errors.
    """
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_images

    count, (height, width, channels) = IMAGES - 12, shape
    if channels not in (1, 3):
        return generator.random((count, *shape), "float32")
    images = np.empty((count, *shape), "float32")
    for place in range(count):
        photo = Image.fromarray(load_sample_images().images[place % 2])
        side = int(generator.integers(120, 400))
        left = int(generator.integers(0, photo.width - side))
        top = int(generator.integers(0, photo.height - side))
        window = photo.resize((width, height), box=(left, top, left + side, top + side))
        images[place] = np.asarray(window, "float32")[..., :channels] / 127.5 - 1
    return images


def page(measured: dict[str, dict[str, Any]], rows: list[str]) -> str:
    """Returns the text of docs/export.md."""
    lines = [HEAD.format(measured=len(measured), rows=len(rows), images=IMAGES)]
    lines.append("| row | SavedModel | ONNX | LiteRT | top-1 | nodes | Transposes | seconds |")
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
    listed = []
    for name in sorted(measured):
        figures = measured[name]
        mark = " \\*" if figures["offset"] else ""
        cells = [figures["formats"][form] for form in FORMATS]
        onnx = figures["formats"]["onnx"]
        nodes = onnx.get("nodes") or {}
        agreement = min(
            (cell["top1_agreement"] for cell in cells if "error" not in cell), default=0
        )
        transposes = f"{nodes.get('Transpose', 0)}, {figures['nchw'].get('Transpose', 0)}"
        texts = ["fails" if "error" in cell else f"{cell['relative']:.0e}" for cell in cells]
        lines.append(
            f"| `{name}`{mark} | {' | '.join(texts)} | {agreement:.0%} | "
            f"{sum(nodes.values())} | {transposes} | {onnx.get('convert_seconds', 0):.1f} |"
        )
        kinds = ", ".join(f"{kind} {count}" for kind, count in nodes.items())
        listed.append(f"| `{name}` | {kinds} |")
    for where in sorted({_where(figures) for figures in measured.values()}):
        lines.append(f"\nMeasured on {where}.")
    lines.append("\n## Nodes by type\n\n| row | nodes of the ONNX graph |\n| --- | --- |")
    return "\n".join([*lines, *listed]) + "\n"


def _where(figures: dict[str, Any]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in figures["versions"].items())
    return f"{figures['machine']}, {versions}; {figures['date']}"


HEAD = """\
# Export

```sh
kerascnn export runs/x out                                    # SavedModel and ONNX
kerascnn export runs/x out --formats onnx,litert,onnx-int8    # --help lists all nine formats
kerascnn verify out                                           # every byte, and the predictions
```

<!-- made by tools/export_table.py; edit that file, not this page -->

| format | file | what it is |
| --- | --- | --- |
| savedmodel | savedmodel/ | `serving_default`; `--image-bytes` adds `serving_bytes` for JPEG, PNG |
| onnx | model.onnx | opset 13 to 23, `--layout nchw`, `--preprocess` for uint8 images |
| onnx-float16, onnx-int8 | model-float16.onnx, ... | input and output are float32; int8 is QDQ |
| litert, -float16, -dynamic, -int8 | model.tflite, ... | `serving_default`; -int8: int8 both ends |
| openvino | openvino/ | needs an installed OpenVINO, which also reads model.onnx |

All files have the input `image` and the output `predictions`, for any number of images. They
contain class names, preprocessing, versions and the training's record: in `metadata_props` (ONNX),
`assets.extra/kerascnn.json` (SavedModel), an archive behind the model (`unzip model.tflite`),
`rt_info` (OpenVINO). The directory also has `report.json`, `proof.npz` and `manifest.json`.

## The comparison with Keras

Every file is loaded in its own runtime and compared with Keras on 32 real images, if there are
any, and 12 random images, in batches of 1, 3 and 8. If the comparison fails, nothing is written.

Logits are compared; probabilities are compared by their logarithms, which equal the logits except
for a constant. A difference may be 1e-4 of the largest logit (`--tolerance`), and at most a
hundredth of the logits' spread, so that the comparison is also meaningful for an untrained
network. A fixed limit for the difference of probabilities would refuse good models: at a logit of
300, the rounding of float32 changes a probability of 0.5 by 1e-5. Where Keras's first two scores
differ by more than the allowed difference, the first class must be the same.

float16 may differ by 2e-2, with the same first class for 99 % of the images. int8 must have the
same first class for 95 % of the real images. With labelled data its accuracy is also compared, and
a file that loses more than `--max-drop` is refused. Before it is refused, the first and the last
layer and then the grouped convolutions are tried in float32; the report names them.

## Row by row

`tools/export_table.py` measured {measured} of {rows} rows at their full size, with random weights
and {images} images each: 20 windows of photographs and 12 random images. The statistics of batch
normalisations are those of the network's own activations for these images. Their offsets are
around 0, or around 1 (\\*) where Keras's own float32 otherwise differs from its float64 by more
than the comparison allows; deep networks without shortcuts amplify every rounding error. The
figures are the largest difference of a logit from Keras, as a share of the largest logit.
Transposes are those of the ONNX file for images with channels last, and with channels first.
Seconds are those of writing the ONNX file, without the comparison.

ONNX files are written layer by layer, with channels first inside: one Transpose for images with
channels last, none with `layout="nchw"`; FCN needs a second one for its output maps. A batch
normalisation after a convolution is folded into it. Those after a sum or a concatenation
(DenseNet, ResNet v2, NASNet, Wide ResNet) cannot be folded and are one BatchNormalization node
each, as in PyTorch's exports. The shuffles of ShuffleNet v2 have no nodes: the filters before and
the weights after them are reordered. Models with layers that kerascnn does not know are converted
by tf2onnx.

An int8 file is made for onnxruntime's kernels. Channel counts between convolutions are padded with
zeros to multiples of 16, which changes no prediction. Maps with ReLU that are concatenated have
one scale. A hard sigmoid is computed as a sum of integers.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help="rows to measure again; by default, those missing")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.into:
        measure(arguments.rows[0], arguments.into)
        return
    from kerascnn.fileio.json import write_json
    from kerascnn.models.registry import list_models, model_info

    rows = list_models()
    measured = json.loads(MEASURED.read_text("utf-8")) if MEASURED.is_file() else {}
    missing = sorted(set(rows) - set(measured), key=lambda name: model_info(name).macs or 0)
    if arguments.page:
        missing = []
        PAGE.write_text(page(measured, rows), "utf-8")
    for name in arguments.rows or missing:
        with tempfile.TemporaryDirectory() as temporary:
            into = Path(temporary) / "row.json"
            command = [sys.executable, __file__, name, "--into", str(into)]
            ended = subprocess.run(command, check=False)
            if ended.returncode == 0:
                measured[name] = json.loads(into.read_text("utf-8"))
        print(f"{name}: {'done' if ended.returncode == 0 else 'FAILED'}", flush=True)
        write_json(MEASURED, dict(sorted(measured.items())), indent=1, ascii_only=True)
        PAGE.write_text(page(measured, rows), "utf-8")
    print(f"{PAGE}: {len(measured)} of {len(rows)} rows")


if __name__ == "__main__":
    main()
