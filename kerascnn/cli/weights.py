"""`kerascnn weights`: list published weights; inspect, convert, verify, extract from files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.cli import weight_files
from kerascnn.cli.output import (
    add_shared_options,
    print_json,
    progress_stream,
    shape_text,
)
from kerascnn.cli.startup import start_keras
from kerascnn.text_table import text_table

if TYPE_CHECKING:
    from kerascnn.published.record import Published
    from kerascnn.weights.inspect import Tensor

SHOWN = 10
"""The most tensors that `inspect` prints as text."""


def add_verbs(verbs: Any) -> None:
    """Adds the verb of this module to the command's parser."""
    weights = verbs.add_parser(
        "weights",
        help="list published weights; inspect, convert and verify files",
        description="Lists published weights; inspects, converts and verifies files of weights.",
        epilog="example:\n  kerascnn weights inspect resnet50.pth",
    )
    actions = weights.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = actions.add_parser(
        "list",
        help="list the published weights",
        description="Lists the published weights that create_model(weights=...) and load_weights\n"
        "take by name. A star marks the default, weights='imagenet', of an architecture.",
        epilog="example:\n  kerascnn weights list --row resnet50_v1_5",
    )
    listing.add_argument("--row", metavar="NAME", help="only weights of this architecture")
    listing.set_defaults(run=_list)

    inspect = actions.add_parser(
        "inspect",
        help="print what a file contains, and whether it is safe to load",
        description="Prints what a file of weights contains and whether it is safe to load. No\n"
        "code of the file is run, and its values are not read.",
        epilog="example:\n  kerascnn weights inspect resnet50.pth",
    )
    inspect.add_argument("file", metavar="FILE")
    inspect.set_defaults(run=_inspect)

    convert = actions.add_parser(
        "convert",
        help="convert a file of weights to a format of this package",
        description="Loads weights into a network and writes them with the names of this package,\n"
        "the record that load_model needs, and a digest of each tensor.",
        epilog="example:\n"
        "  kerascnn weights convert resnet50.pth --model resnet50_v1_5 resnet50.weights.h5",
    )
    convert.add_argument("file", metavar="FILE", help="a path, an https address or a tag")
    convert.add_argument("out", metavar="OUT", help="ends in .weights.h5, .safetensors or .npz")
    weight_files.add_options(convert)
    convert.add_argument(
        "--classes", type=int, metavar="N", help="classes of the file, if not those of the paper"
    )
    convert.add_argument(
        "--table", metavar="PATH", help="which table of tensors in FILE; `inspect` lists them"
    )
    convert.add_argument(
        "--part", metavar="PREFIX", help="which network in FILE, by the prefix of its names"
    )
    convert.add_argument("--overwrite", action="store_true", help="replace OUT")
    convert.set_defaults(run=_convert)

    verify = actions.add_parser(
        "verify",
        help="read a complete file and compare it with its digests",
        description="Reads a complete file of weights and compares it with the digests inside it,\n"
        "beside it (FILE.sha256) and in the catalogue.",
        epilog="example:\n  kerascnn weights verify lenet5.safetensors",
    )
    verify.add_argument("file", metavar="FILE")
    weight_files.add_options(verify)
    verify.set_defaults(run=_verify)

    extract = actions.add_parser(
        "extract",
        help="take the arrays out of a whole model that is refused",
        description="Writes the arrays of a whole model (.keras, .h5, or a pickle of PyTorch) to\n"
        "a file of arrays by name, which load_weights reads. The network is not built. The\n"
        "model is opened in a process of its own, with limits of memory, time and file size,\n"
        "and no network where the system offers that. A pickle runs the code in it there.\n\n"
        "Exit codes: 0 written; 3 refused without --trust, or it exceeds a limit; 4 it has no\n"
        "arrays that can be read; 6 no such file; 8 OUT exists or cannot be written.",
        epilog="example:\n  kerascnn weights extract --trust model.keras arrays.safetensors",
    )
    extract.add_argument("file", metavar="FILE", help="a whole model")
    extract.add_argument("out", metavar="OUT", help="ends in .safetensors or .npz")
    extract.add_argument("--trust", action="store_true", help="open FILE")
    extract.add_argument("--overwrite", action="store_true", help="replace OUT")
    extract.set_defaults(run=_extract)

    for action in actions.choices.values():
        add_shared_options(action, argparse.SUPPRESS)


def _list(arguments: argparse.Namespace) -> None:
    from kerascnn.models.registry import model_info
    from kerascnn.published.catalogue import checkpoints
    from kerascnn.weights.locate import cache_path

    row = None if arguments.row is None else model_info(arguments.row).name
    # The sort is stable, so that the default of an architecture stays first.
    published = sorted(checkpoints(row), key=lambda checkpoint: checkpoint.row)
    if arguments.json:
        print_json(
            [
                {**_record(checkpoint), "cached": cache_path(checkpoint).exists()}
                for checkpoint in published
            ]
        )
        return
    if not published:
        print(f"no weights are published for {row}")
        return
    rows = [
        (
            checkpoint.tag + (" *" if _is_default(checkpoint) else ""),
            checkpoint.row + (" **" if checkpoint.arguments else ""),
            shape_text(checkpoint.preprocessing.size or ()),
            f"{checkpoint.top1:.1f}",
            checkpoint.licence,
            "yes" if cache_path(checkpoint).exists() else "no",
        )
        for checkpoint in published
    ]
    header = ("weights", "architecture", "pixels", "top-1", "licence", "here")
    print(text_table(header, rows, right={3}))
    for checkpoint in published:
        if checkpoint.arguments:
            print(f"** {checkpoint.tag} is of {checkpoint.row} with {_columns(checkpoint)}")


def _is_default(checkpoint: Published) -> bool:
    from kerascnn.models.registry import model_info

    return checkpoint.tag == model_info(checkpoint.row).weights[0]


def _columns(checkpoint: Published) -> str:
    return ", ".join(f"{name}={value}" for name, value in checkpoint.arguments.items())


def _record(checkpoint: Published) -> dict[str, Any]:
    from kerascnn.weights.locate import cache_path

    return {
        "tag": checkpoint.tag,
        "row": checkpoint.row,
        "default": _is_default(checkpoint),
        "url": checkpoint.url,
        "sha256": checkpoint.sha256,
        "md5": checkpoint.md5,
        "layout": checkpoint.layout,
        "classes": checkpoint.classes,
        "preprocessing": checkpoint.preprocessing.to_json(),
        "top1": checkpoint.top1,
        "licence": checkpoint.licence,
        "arguments": dict(checkpoint.arguments),
        "note": checkpoint.note,
        "path": cache_path(checkpoint),
    }


def _inspect(arguments: argparse.Namespace) -> None:
    from kerascnn.weights.inspect import inspect

    contents, error = inspect(arguments.file)
    if arguments.json:
        print_json(contents.to_json())
    else:
        print(contents.path)
        for title, text in contents.summary():
            print(f"  {title:<13}{text}")
        _print_tensors(contents.tensors)
    if error is not None:
        raise error


def _print_tensors(tensors: tuple[Tensor, ...]) -> None:
    if not tensors:
        return
    print()
    rows = [
        (
            tensor.name[:60],
            shape_text(tensor.shape) or "one value",
            tensor.dtype,
            f"{tensor.bytes:,}",
        )
        for tensor in tensors[:SHOWN]
    ]
    print(text_table(("tensor", "shape", "type", "bytes"), rows, right={3}))
    if len(tensors) > SHOWN:
        print(f"… and {len(tensors) - SHOWN:,} more; --json prints all")


def _convert(arguments: argparse.Namespace) -> None:
    from kerascnn.errors import OutputError, UsageError
    from kerascnn.weights.save import SUFFIXES

    if not arguments.out.endswith(SUFFIXES):
        raise UsageError(f"OUT must end in {', '.join(SUFFIXES)}, got {arguments.out}")
    if Path(arguments.out).exists() and not arguments.overwrite:
        raise OutputError(f"{arguments.out} exists; --overwrite replaces it")
    described = _described(arguments)  # reports errors before TensorFlow starts
    start_keras(debug=arguments.debug)
    from kerascnn.weights.save import save_weights

    with progress_stream(as_json=arguments.json):
        model, report = described.load(arguments.table, arguments.part)
        save_weights(model, arguments.out)
        print(report)
        print(f"wrote {arguments.out}")
    if arguments.json:
        print_json({"out": arguments.out, "report": report.to_json()})


def _described(arguments: argparse.Namespace) -> weight_files.Described:
    """Returns the network of the file that is converted."""
    from kerascnn.errors import MismatchError
    from kerascnn.models.registry import model_info
    from kerascnn.published.catalogue import BY_TAG
    from kerascnn.weights.identify import Candidate
    from kerascnn.weights.locate import locate

    settings = list(arguments.set)
    if arguments.classes is not None:
        settings.append(f"classes={arguments.classes}")
    published = BY_TAG.get(arguments.file)
    if published is None:
        file = locate(arguments.file)
        return weight_files.describe(file, arguments.model, settings, arguments.table)
    if arguments.model is not None and model_info(arguments.model).name != published.row:
        raise MismatchError(f"{published.tag} is of {published.row}; leave out --model")
    columns = {**published.arguments, **weight_files.builder_arguments(settings)}
    known = Candidate(
        published.row,
        published.layout,
        1.0,
        columns,
        exact=True,
        class_names=published.class_names,
    )
    return weight_files.Described(locate(arguments.file), known)


def _verify(arguments: argparse.Namespace) -> None:
    from kerascnn.weights.inspect import verify

    network: tuple[str, ...] = ()
    if arguments.model is not None or arguments.set:
        described = weight_files.describe(arguments.file, arguments.model, arguments.set)
        described.check()
        network = (f"the names and shapes of {described.network.text}",)
    result = verify(arguments.file, network)
    if arguments.json:
        print_json(result.to_json())
        return
    print(f"{result.path}: verified, {result.tensors:,} tensors of {result.values:,} finite values")
    print(f"  sha256  {result.sha256}")
    for text in result.against:
        print(f"  agrees  {text}")


def _extract(arguments: argparse.Namespace) -> None:
    from kerascnn.weights.extract import extract

    result = extract(
        arguments.file, arguments.out, trust=arguments.trust, overwrite=arguments.overwrite
    )
    if arguments.json:
        print_json(result.to_json())
    else:
        print(f"wrote {result.out}: {len(result.shapes):,} arrays of {result.path}")
