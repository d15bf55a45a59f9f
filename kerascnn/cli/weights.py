"""`kerascnn weights`: what is published, what is in a file, files of another format, digests."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.cli.output import (
    add_shared_options,
    print_json,
    progress_stream,
    shape_text,
)
from kerascnn.cli.startup import start_keras
from kerascnn.text_table import text_table

if TYPE_CHECKING:
    import keras

    from kerascnn.published.record import Published
    from kerascnn.weights.inspect import Tensor
    from kerascnn.weights.load_report import LoadReport

SHOWN = 10
"""Tensors that `inspect` prints for people."""


def add_verbs(verbs: Any) -> None:
    """Adds the verb of this module to the command's parser."""
    weights = verbs.add_parser(
        "weights",
        help="published weights, and what is in a file of them",
        description="Lists published weights; inspects, converts and verifies files of weights.",
        epilog="example:\n  kerascnn weights inspect resnet50.pth",
    )
    actions = weights.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = actions.add_parser(
        "list",
        help="checkpoints that others have published",
        description="Lists the published weights that create_model(weights=...) and load_weights\n"
        "take by name. A star marks what weights='imagenet' means for an architecture.",
        epilog="example:\n  kerascnn weights list --row resnet50_v1_5",
    )
    listing.add_argument("--row", metavar="NAME", help="only of this architecture")
    listing.set_defaults(run=_list)

    inspect = actions.add_parser(
        "inspect",
        help="what a file holds, and whether it is safe to load",
        description="Tells what a file of weights holds and whether it is safe to load. Nothing\n"
        "of it is run, and its values are not read.",
        epilog="example:\n  kerascnn weights inspect resnet50.pth",
    )
    inspect.add_argument("file", metavar="FILE")
    inspect.set_defaults(run=_inspect)

    convert = actions.add_parser(
        "convert",
        help="write a file of weights in a format of ours",
        description="Loads weights into a network and writes them with our names, the record that\n"
        "load_model needs, and a digest for each tensor.",
        epilog="example:\n"
        "  kerascnn weights convert resnet50.pth --model resnet50_v1_5 resnet50.weights.h5",
    )
    convert.add_argument("file", metavar="FILE", help="a path, an https address or a tag")
    convert.add_argument("out", metavar="OUT", help="ends in .weights.h5, .safetensors or .npz")
    convert.add_argument(
        "--model",
        metavar="NAME",
        help="its architecture, unless the file or the tag says it",
    )
    convert.add_argument("--classes", type=int, metavar="N", help="of the file, if not the paper's")
    convert.add_argument("--overwrite", action="store_true", help="replace OUT")
    convert.set_defaults(run=_convert)

    verify = actions.add_parser(
        "verify",
        help="read a file whole and compare it with its digests",
        description="Reads a file of weights whole and compares it with the digests in it, the\n"
        "one beside it (FILE.sha256) and those of the catalogue.",
        epilog="example:\n  kerascnn weights verify lenet5.safetensors",
    )
    verify.add_argument("file", metavar="FILE")
    verify.set_defaults(run=_verify)

    for action in actions.choices.values():
        add_shared_options(action, argparse.SUPPRESS)


def _list(arguments: argparse.Namespace) -> None:
    from kerascnn.models.registry import model_info
    from kerascnn.published.catalogue import checkpoints
    from kerascnn.weights.locate import place

    row = None if arguments.row is None else model_info(arguments.row).name
    found = sorted(checkpoints(row), key=lambda one: one.row)  # a row's default stays first
    if arguments.json:
        print_json([{**_record(one), "cached": place(one).exists()} for one in found])
        return
    if not found:
        print(f"no weights are published for {row} that fit it")
        return
    rows = [
        (
            one.tag + (" *" if _is_default(one) else ""),
            one.row + (" **" if one.arguments else ""),
            shape_text(one.preprocessing.size or ()),
            f"{one.top1:.1f}",
            one.licence,
            "yes" if place(one).exists() else "no",
        )
        for one in found
    ]
    header = ("weights", "architecture", "pixels", "top-1", "licence", "here")
    print(text_table(header, rows, right={3}))
    for one in found:
        if one.arguments:
            print(f"** {one.tag} is of {one.row} with {_columns(one)}")


def _is_default(one: Published) -> bool:
    from kerascnn.models.registry import model_info

    return one.tag == model_info(one.row).weights[0]


def _columns(one: Published) -> str:
    return ", ".join(f"{name}={value}" for name, value in one.arguments.items())


def _record(one: Published) -> dict[str, Any]:
    from kerascnn.weights.locate import place

    return {
        "tag": one.tag,
        "row": one.row,
        "default": _is_default(one),
        "url": one.url,
        "sha256": one.sha256,
        "md5": one.md5,
        "layout": one.layout,
        "classes": one.classes,
        "preprocessing": one.preprocessing.to_json(),
        "top1": one.top1,
        "licence": one.licence,
        "arguments": dict(one.arguments),
        "note": one.note,
        "path": place(one),
    }


def _inspect(arguments: argparse.Namespace) -> None:
    from kerascnn.weights.inspect import inspect

    found, error = inspect(arguments.file)
    if arguments.json:
        print_json(found.to_json())
    else:
        print(found.path)
        for title, text in found.summary():
            print(f"  {title:<13}{text}")
        _print_tensors(found.tensors)
    if error is not None:
        raise error


def _print_tensors(tensors: tuple[Tensor, ...]) -> None:
    if not tensors:
        return
    print()
    rows = [
        (one.name[:60], shape_text(one.shape) or "one value", one.dtype, f"{one.bytes:,}")
        for one in tensors[:SHOWN]
    ]
    print(text_table(("tensor", "shape", "type", "bytes"), rows, right={3}))
    if len(tensors) > SHOWN:
        print(f"… and {len(tensors) - SHOWN:,} more; --json has them all")


def _convert(arguments: argparse.Namespace) -> None:
    from kerascnn.errors import OutputError, UsageError
    from kerascnn.models.registry import model_info
    from kerascnn.weights.save import SUFFIXES

    if not arguments.out.endswith(SUFFIXES):
        raise UsageError(f"OUT must end in {', '.join(SUFFIXES)}, got {arguments.out}")
    if Path(arguments.out).exists() and not arguments.overwrite:
        raise OutputError(f"{arguments.out} is there already; --overwrite replaces it")
    if arguments.model is not None:
        model_info(arguments.model)  # a wrong name is told before TensorFlow starts
    start_keras(debug=arguments.debug)
    from kerascnn.weights.save import save_weights

    with progress_stream(as_json=arguments.json):
        model, report = _loaded(arguments)
        save_weights(model, arguments.out)
        if report is not None:
            print(report)
        print(f"wrote {arguments.out}")
    if arguments.json:
        print_json({"out": arguments.out, "report": None if report is None else report.to_json()})


def _loaded(arguments: argparse.Namespace) -> tuple[keras.Model, LoadReport | None]:
    """Returns a network with the file's weights, its classifier included."""
    from kerascnn.create import create_model
    from kerascnn.published.catalogue import BY_TAG
    from kerascnn.weights.load import load_weights
    from kerascnn.weights.locate import locate
    from kerascnn.weights.save import load_model

    published = BY_TAG.get(arguments.file)
    name = arguments.model or (published.row if published is not None else None)
    if name is None:
        return load_model(locate(arguments.file)), None
    columns = {} if published is None else dict(published.arguments)
    model = create_model(name, classes=arguments.classes, **columns)
    return model, load_weights(model, arguments.file, head="strict")


def _verify(arguments: argparse.Namespace) -> None:
    from kerascnn.weights.inspect import verify

    found = verify(arguments.file)
    if arguments.json:
        print_json(found.to_json())
        return
    print(f"{found.path}: verified, {found.tensors:,} tensors of {found.values:,} finite values")
    print(f"  sha256  {found.sha256}")
    for text in found.against:
        print(f"  agrees  {text}")
