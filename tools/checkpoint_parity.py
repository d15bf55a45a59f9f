"""Writes docs/checkpoints.md: checkpoints of other libraries, loaded here, and their logits.

    python tools/checkpoint_parity.py --torch-python PYTHON_WITH_TORCH_AND_TIMM [ROW ...]
    python tools/checkpoint_parity.py --head      # only the text above the table

Each twin of tests/support/parity.py gets the seeded weights of its fixture in its own library,
which writes them to a file in its usual way: `torch.save` of a state dict for torchvision,
safetensors for timm, `save_weights` for keras.applications. `kerascnn.load_weights` reads the file
into our network, whose logits are compared with those of the fixture. Each line of the table is
written as soon as it is known.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

import twin_table  # noqa: E402

from support import parity  # noqa: E402

PAGE = ROOT / "docs" / "checkpoints.md"
SUFFIXES = {"torchvision": ".pth", "timm": ".safetensors", "keras": ".weights.h5"}
HEAD = """# Checkpoints of other libraries, loaded here

<!-- made by tools/checkpoint_parity.py; edit that file, not this page -->

Each twin, the same network in another library, wrote its weights with its own library: `torch.save`
of a state dict, safetensors for timm, `save_weights` for keras.applications.
`kerascnn.load_weights` read the file. The logits of two seeded images were compared with those of
the twin: *logits* is the largest difference, divided by the largest logit.
[parity.md](parity.md) explains the images.

| row | twin | file | layout recognised | loaded | logits |
|---|---|---|---|---:|---:|
"""


def write(key: str, path: Path) -> None:
    """Writes the checkpoint of a twin; runs in an interpreter that has its library."""
    import make_parity

    from kerascnn.models.planning import plan
    from kerascnn.models.registry import model_info
    from kerascnn.models.request import Request
    from kerascnn.weights.expected_shapes import expected
    from kerascnn.weights.name_maps import layouts

    twin, fixture = parity.TWINS[key], parity.fixture(key)
    variant = model_info(parity.row_of(key))
    wanted = expected(plan(variant, Request(input_shape=fixture.shape[1:], columns=twin.arguments)))
    modules = layouts(variant.family)[twin.layout or twin.library](list(wanted))
    if twin.library == "keras":
        network = make_parity.KerasNetwork(twin.name, twin.size)
        make_parity.fill(network, wanted, modules, fixture.gain)
        network.model.save_weights(path)
        return
    network = make_parity.TorchNetwork(twin.library, twin.name)
    make_parity.fill(network, wanted, modules, fixture.gain)
    if path.suffix == ".safetensors":
        from safetensors.torch import save_model

        save_model(network.model, str(path))
    else:
        network.torch.save(network.model.state_dict(), path)


@dataclass(frozen=True)
class Comparison:
    """The result of a load: recognised layout, share of the values, difference of the logits."""

    layout: str
    fraction: float
    logits: float


def compare(key: str, path: Path) -> Comparison:
    """Loads a twin's checkpoint into our network and compares the logits."""
    import keras

    import kerascnn

    twin, fixture = parity.TWINS[key], parity.fixture(key)
    keras.utils.clear_session()
    model = kerascnn.create_model(
        parity.row_of(key),
        input_shape=fixture.shape[1:],
        classifier_activation=None,
        **twin.arguments,
    )
    report = kerascnn.load_weights(model, path)
    logits = np.asarray(model(parity.images(fixture.shape), training=False))
    difference = np.abs(logits - fixture.logits).max() / np.abs(fixture.logits).max()
    return Comparison(report.layout, report.fraction, float(difference))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help="keys of the table in parity.py; all by default")
    parser.add_argument("--torch-python", help="interpreter with torch, torchvision and timm")
    parser.add_argument("--head", action="store_true", help="write the text above the table only")
    parser.add_argument("--write", metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.rows[0], Path(arguments.write))
        return
    if arguments.head:
        twin_table.put_head(PAGE, HEAD)
        return
    for key in arguments.rows or twin_table.known():
        library = parity.TWINS[key].library
        with tempfile.TemporaryDirectory() as folder:
            # timm's own name of the network tells two networks with equal tensors apart.
            path = Path(folder) / f"{parity.TWINS[key].name}{SUFFIXES[library]}"
            python = sys.executable if library == "keras" else arguments.torch_python
            subprocess.run([python, __file__, key, "--write", str(path)], check=True)
            result = compare(key, path)
        print(json.dumps({"row": key, **asdict(result)}), flush=True)
        share, difference = f"{result.fraction:.0%}", f"{result.logits:.1e}"
        cells = (SUFFIXES[library], result.layout, share, difference)
        twin_table.put(PAGE, HEAD, key, *cells)


if __name__ == "__main__":
    main()
