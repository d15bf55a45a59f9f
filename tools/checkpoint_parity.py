"""Writes docs/checkpoints.md: real checkpoints of other libraries, loaded here, and their logits.

    python tools/checkpoint_parity.py --torch-python PYTHON_WITH_TORCH_AND_TIMM [ROW ...]

Every twin of tests/reference/parity.py gets the seeded weights of its fixture in its own library,
which writes them to a file as it does for anybody: `torch.save` of a state dict for torchvision,
safetensors for timm, `save_weights` for keras.applications. `kerascnn.load_weights` reads that file
into the row, whose logits are compared with those that the fixture keeps. A row that is named is
written into the table that is there; without names the table is made anew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

from reference import parity  # noqa: E402

PAGE = ROOT / "docs" / "checkpoints.md"
SUFFIXES = {"torchvision": ".pth", "timm": ".safetensors", "keras": ".weights.h5"}
HEAD = """# Checkpoints of other libraries, loaded here

Each twin wrote its weights with its own library (`torch.save` of a state dict, safetensors for
timm, `save_weights` for keras.applications), `kerascnn.load_weights` read the file, and the logits
of two seeded images were compared with the twin's: the largest difference, divided by the largest
logit. `tools/checkpoint_parity.py` makes this page; docs/parity.md says what the images are.

| row | twin | file | layout recognised | loaded | logits |
|---|---|---|---|---:|---:|
"""


def write(key: str, path: Path) -> None:
    """Writes the checkpoint of a twin, in the interpreter that has its library."""
    import make_parity

    from kerascnn.assemble import Request, plan
    from kerascnn.registry import model_info
    from kerascnn.weights.expected import expected
    from kerascnn.weights.layouts import layouts

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


def compare(key: str, path: Path) -> dict[str, object]:
    """Loads a twin's checkpoint into our row, and says what came of it."""
    import keras

    import kerascnn

    twin, wanted = parity.TWINS[key], parity.fixture(key)
    keras.utils.clear_session()
    model = kerascnn.create_model(
        parity.row_of(key),
        input_shape=wanted.shape[1:],
        classifier_activation=None,
        **twin.arguments,
    )
    report = kerascnn.load_weights(model, path)
    logits = np.asarray(model(parity.images(wanted.shape), training=False))
    far = np.abs(logits - wanted.logits).max() / np.abs(wanted.logits).max()
    return {"layout": report.layout, "fraction": report.fraction, "logits": float(far)}


def line(key: str, found: dict[str, object]) -> str:
    """Returns a row of the table."""
    twin = parity.TWINS[key]
    arguments = ", ".join(f"{name}={value!r}" for name, value in twin.arguments.items())
    row = f"`{parity.row_of(key)}`" + (f" with `{arguments}`" if arguments else "")
    return (
        f"| {row} | {parity.fixture(key).twin} | {SUFFIXES[twin.library]} | {found['layout']} "
        f"| {found['fraction']:.0%} | {found['logits']:.1e} |\n"
    )


_NOTHING: dict[str, object] = {"layout": "", "fraction": 0.0, "logits": 0.0}


def _name(text: str) -> str:
    """Returns what a line of the table is known by: its row and its twin."""
    return text.rsplit("|", 5)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help="keys of the table in parity.py; all by default")
    parser.add_argument("--torch-python", help="interpreter with torch, torchvision and timm")
    parser.add_argument("--write", metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.rows[0], Path(arguments.write))
        return
    lines = []
    kept = PAGE.read_text("utf-8").splitlines(keepends=True) if arguments.rows else []
    for key in arguments.rows or parity.TWINS:
        with tempfile.TemporaryDirectory() as folder:
            library = parity.TWINS[key].library
            path = Path(folder) / f"twin{SUFFIXES[library]}"
            python = sys.executable if library == "keras" else arguments.torch_python
            subprocess.run([python, __file__, key, "--write", str(path)], check=True)
            found = compare(key, path)
        lines.append(line(key, found))
        print(json.dumps({"row": key, **found}), flush=True)
        if not arguments.rows:
            PAGE.write_text(HEAD + "".join(lines), "utf-8")
    if arguments.rows:
        known = {_name(text): text for text in [*kept, *lines] if text.startswith("| `")}
        order = [_name(line(key, _NOTHING)) for key in parity.TWINS]
        PAGE.write_text(HEAD + "".join(known[one] for one in order if one in known), "utf-8")


if __name__ == "__main__":
    main()
