"""Exports every row and writes docs/export.md: what became of each, and the nodes of its graph.

    python tools/export_table.py work/                 # continues where it stopped; hours
    python tools/export_table.py work/ --only lenet5   # one row again
    python tools/export_table.py work/ --write         # the page from what there is

Each row is built with logits for outputs and biases drawn at random; its batch norms have the
statistics of its own activations, as in a trained network. It is compared on windows of
scikit-learn's two photographs and on random images, 32 together, in a process of its own. Without
training, the statistics of their own activations make some deep networks chaotic, so that every
rounding is scaled up a thousandfold; such a network is measured again with drawn ones.
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
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "export.md"
FORMATS = ("savedmodel", "onnx", "litert")
IMAGES = 32


def measure(name: str, out: Path) -> None:
    """Exports one row and writes the result as JSON."""
    import keras
    import numpy as np

    import kerascnn
    from kerascnn.errors import KerasCNNError
    from kerascnn.exporting.network import prepare
    from kerascnn.exporting.onnx_format import nodes_of
    from kerascnn.exporting.onnx_writer import write_graph
    from kerascnn.exporting.proof import random_batches

    keras.utils.set_random_seed(0)
    try:
        model = kerascnn.create_model(name, classifier_activation=None)
    except KerasCNNError:  # the head of 1998 and of AlphaGo is its paper's
        model = kerascnn.create_model(name)
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if any(part in weight.path for part in ("beta", "bias")):
            weight.assign(generator.normal(0, 0.1, weight.shape))
    samples = windows(model.input_shape[1:], generator)
    noise = random_batches(model.input_shape[1:], model.dtype, None)[-1]
    own_statistics(model, np.concatenate([samples[:4], noise[-4:]]))
    found: dict[str, object] = {"name": name, "formats": exported(model, samples)}
    if any("error" in entry for entry in found["formats"].values()):  # type: ignore[attr-defined]
        for weight in model.weights:
            if "variance" in weight.path:
                weight.assign(generator.uniform(0.5, 1.5, weight.shape))
            elif "moving_mean" in weight.path:
                weight.assign(generator.normal(0, 0.1, weight.shape))
        found |= {"statistics": "drawn", "formats": exported(model, samples)}
    network = prepare(model)
    found["nchw"] = nodes_of(write_graph(network, 17, "nchw"))
    out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def own_statistics(model: Any, images: Any) -> None:
    """Gives the batch norms the moments of their own inputs, as a trained network's have them.

    With drawn ones the activations of some deep networks grow until the gates of
    squeeze-and-excitation snap, and float32's own rounding decides which way.
    """
    norms = [layer for layer in model.layers if hasattr(layer, "moving_variance")]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(images, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


def exported(model: Any, samples: Any) -> dict[str, dict[str, Any]]:
    """Returns the report of each format, or why it was refused."""
    from kerascnn.errors import KerasCNNError
    from kerascnn.exporting import export

    found = {}
    for form in FORMATS:
        with tempfile.TemporaryDirectory() as temporary:
            try:
                (report,) = export(model, Path(temporary) / "out", [form], samples=samples)
                found[form] = report.to_json()
            except KerasCNNError as error:
                found[form] = {"error": str(error)}
    return found


def windows(shape: tuple[int, ...], generator: Any) -> Any:
    """Returns windows of two photographs, with values from -1 to 1; of noise for Go's 48 planes.

    Noise makes all images alike behind a few layers, and what is left of their differences would
    be scaled up with the rounding.
    """
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_images

    count, (height, width, channels) = IMAGES - 12, shape
    if channels not in (1, 3):
        return generator.random((count, *shape), "float32")
    made = np.empty((count, *shape), "float32")
    for place in range(count):
        photo = Image.fromarray(load_sample_images().images[place % 2])
        side = int(generator.integers(120, 400))
        left = int(generator.integers(0, photo.width - side))
        top = int(generator.integers(0, photo.height - side))
        window = photo.resize((width, height), box=(left, top, left + side, top + side))
        made[place] = np.asarray(window, "float32")[..., :channels] / 127.5 - 1
    return made


def page(results: list[dict], rows: int) -> str:
    """Returns the text of docs/export.md; `rows` is how many there are to measure."""
    lines = [HEAD.format(measured=len(results), rows=rows, images=IMAGES)]
    lines.append("| row | SavedModel | ONNX | LiteRT | top-1 | nodes | Transposes | seconds |")
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for result in results:
        forms = result["formats"]
        onnx = forms["onnx"]
        nodes = onnx.get("nodes") or {}
        agreement = min(
            (f["top1_agreement"] for f in forms.values() if "error" not in f), default=0
        )
        turned = f"{nodes.get('Transpose', 0)}, {result['nchw'].get('Transpose', 0)}"
        cells = [forms[form] for form in FORMATS]
        mark = " \\*" if result.get("statistics") == "drawn" else ""
        texts = ["fails" if "error" in cell else f"{cell['relative']:.0e}" for cell in cells]
        lines.append(
            f"| `{result['name']}`{mark} | {' | '.join(texts)} | {agreement:.0%} | "
            f"{sum(nodes.values())} | {turned} | {onnx.get('convert_seconds', 0):.1f} |"
        )
    lines.append("\n## Nodes by type\n")
    lines.append("| row | nodes of the ONNX graph |\n| --- | --- |")
    for result in results:
        nodes = result["formats"]["onnx"].get("nodes") or {}
        listed = ", ".join(f"{kind} {count}" for kind, count in nodes.items())
        lines.append(f"| `{result['name']}` | {listed} |")
    return "\n".join(lines) + "\n"


HEAD = """\
# Export

```
kerascnn export runs/x out                                    # SavedModel and ONNX
kerascnn export runs/x out --formats onnx,litert,onnx-int8    # --help lists all nine
kerascnn verify out                                           # every byte, and the answers
```

| format | file | what it is |
| --- | --- | --- |
| savedmodel | savedmodel/ | `serving_default`; `--image-bytes` adds `serving_bytes` for JPEG, PNG |
| onnx | model.onnx | opset 13 to 23, `--layout nchw`, `--preprocess` for uint8 images |
| onnx-float16, onnx-int8 | model-float16.onnx, ... | float32 at both ends; int8 is QDQ |
| litert, -float16, -dynamic, -int8 | model.tflite, ... | `serving_default`; -int8 to the ends |
| openvino | openvino/ | where OpenVINO is installed; it reads model.onnx as well |

All have the input `image` and the output `predictions`, for any number of images, and carry class
names, preprocessing, versions and what is known of the training: in `metadata_props` (ONNX),
`assets.extra/kerascnn.json` (SavedModel), an archive behind the model (`unzip model.tflite`),
`rt_info` (OpenVINO). Beside them lie `report.json`, `proof.npz` and `manifest.json`.

## The proof

Every artifact is loaded again in its own runtime and compared with Keras on 32 real images, where
there are any, and 12 random ones, in batches of 1, 3 and 8. Compared are logits; probabilities by
their logarithms, which are the logits but for a constant. A difference may be 1e-4 of the largest
logit (`--tolerance`), and at most a hundredth of their spread, so that an untrained network proves
something too. A fixed difference of probabilities would refuse good models: at a logit of 300,
float32's own rounding moves a probability of 0.5 by 1e-5. All images where Keras decides (its first
two scores differ by more than is allowed) must have the same first class. float16 may differ by
2e-2, with 99 % of the classes; int8 is judged by its classes of the real images (95 %) and, with
labelled data, by its accuracy: more than `--max-drop` below float32, and nothing is written. Before
that, the first and last layer and then the grouped convolutions are tried in float32; the report
names them.

## Row by row

Written by `tools/export_table.py`, with {measured} of the {rows} rows measured: at their
full size, with random weights and {images} images each, 20 windows of photographs and 12 random
ones. The batch norms have the statistics of the network's own activations; drawn ones (*) where
those make the untrained network chaotic, so that float32's own rounding changes its answers. The
figures are the largest difference of a logit from Keras, as a share of the largest logit.
Transposes are those of the ONNX file for images with the channels last, and first. Seconds are
those of writing the ONNX file, proof not included.

ONNX files are written layer by layer, channels first inside: one Transpose for images with the
channels last, none with `layout="nchw"`; maps of FCN are turned back with a second one. Batch
norms behind a convolution are folded into it; those of DenseNet, ResNet-v2, NASNet and Wide ResNet
that stand behind a sum or a concatenation cannot be, and stay one BatchNormalization node each, as
in PyTorch's exports. Models with layers that kerascnn does not know go through tf2onnx.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="directory of the results, one file a row")
    parser.add_argument("--only", metavar="ROW")
    parser.add_argument("--write", action="store_true", help="write docs/export.md and stop")
    parser.add_argument("--measure", metavar="ROW", help=argparse.SUPPRESS)
    parser.add_argument("--run", default="", help="a command to run each row's process with")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.measure:
        measure(arguments.measure, arguments.work / f"{arguments.measure}.json")
        return
    from kerascnn.registry import list_models, model_info

    # The cheap ones first.
    rows = sorted(list_models(), key=lambda name: model_info(name).macs or 0)
    if not arguments.write:
        for name in [arguments.only] if arguments.only else rows:
            if (arguments.work / f"{name}.json").is_file() and not arguments.only:
                continue
            command = [sys.executable, __file__, str(arguments.work), "--measure", name]
            ended = subprocess.run([*arguments.run.split(), *command], check=False)
            print(f"{name}: {'done' if ended.returncode == 0 else 'FAILED'}", flush=True)
    files = [arguments.work / f"{name}.json" for name in list_models()]
    results = [json.loads(path.read_text("utf-8")) for path in files if path.is_file()]
    PAGE.write_text(page(results, len(rows)), "utf-8")
    print(f"{PAGE}: {len(results)} of {len(rows)} rows")


if __name__ == "__main__":
    main()
