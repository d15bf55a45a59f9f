"""`kerascnn list`, `info` and `summary`: what the architectures are and what they cost."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from kerascnn.cli.output import print_json, quantity, shape_text
from kerascnn.text_table import text_table

if TYPE_CHECKING:
    from kerascnn.models.registry import Variant


def add_verbs(verbs: Any) -> None:
    """Adds the verbs of this module to the command's parser."""
    listing = verbs.add_parser(
        "list",
        help="list the architectures, their parameters and costs",
        description="Lists the architectures with input size, classes, parameters and MACs.",
        epilog='example:\n  kerascnn list "*resnet*" --json',
    )
    listing.add_argument(
        "pattern", nargs="?", default="*", metavar="PATTERN", help='wildcards, such as "*resnet*"'
    )
    listing.add_argument("--family", metavar="F", help="only this family, such as lenet")
    listing.set_defaults(run=_list)

    info = verbs.add_parser(
        "info",
        help="print the record of one architecture",
        description="Prints the record of one architecture.",
        epilog="example:\n  kerascnn info lenet5",
    )
    info.add_argument("name", metavar="NAME", help="as `kerascnn list` prints it")
    info.set_defaults(run=_info)

    summary = verbs.add_parser(
        "summary",
        help="print the layers of an architecture: shapes, parameters, costs",
        description="Prints an architecture layer by layer.",
        epilog="example:\n  kerascnn summary lenet5",
    )
    summary.add_argument("name", metavar="NAME", help="as `kerascnn list` prints it")
    summary.set_defaults(run=_summary)


def _record(variant: Variant) -> dict[str, Any]:
    """Returns the JSON record of an architecture."""
    return {
        "name": variant.name,
        "builder": variant.builder,
        "family": variant.family,
        "paper": {
            "title": variant.paper.title,
            "source": variant.paper.source,
            "year": variant.paper.year,
        },
        "input_shape": list(variant.input_shape),
        "classes": variant.classes,
        "params": variant.params,
        "macs": variant.macs,
        "row": dataclasses.asdict(variant.row),
        "weights": list(variant.weights),
    }


def _list(arguments: argparse.Namespace) -> None:
    from kerascnn.models.registry import list_models, model_info

    variants = [model_info(name) for name in list_models(arguments.pattern, arguments.family)]
    if arguments.json:
        print_json([_record(variant) for variant in variants])
        return
    if not variants:
        print(f'no name matches "{arguments.pattern}"; try "*{arguments.pattern.strip("*")}*"')
        return
    rows = [
        (
            variant.name,
            shape_text(variant.input_shape),
            str(variant.classes),
            f"{variant.params:,}",
            quantity(variant.macs),
            variant.paper.source,
        )
        for variant in variants
    ]
    header = ("name", "input", "classes", "parameters", "MACs", "paper")
    print(text_table(header, rows, right={1, 2, 3, 4}))


def _info(arguments: argparse.Namespace) -> None:
    from kerascnn.models.planning import minimum_size
    from kerascnn.models.registry import model_info
    from kerascnn.models.request import Request

    variant = model_info(arguments.name)
    least = minimum_size(variant, Request())
    if arguments.json:
        print_json({**_record(variant), "smallest_side": least})
        return
    columns = ", ".join(f"{key}={value}" for key, value in dataclasses.asdict(variant.row).items())
    lines = {
        "name": variant.name,
        "builder": f"kerascnn.applications.{variant.builder}",
        "family": variant.family,
        "paper": f"{variant.paper.title} ({variant.paper.source})",
        "input": f"{shape_text(variant.input_shape)} (height x width x channels)",
        "smallest": f"{least} x {least} pixels",
        "classes": str(variant.classes),
        "parameters": f"{variant.params:,} trainable",
        "MACs": f"{variant.macs:,} for one image, 2 FLOPs each",
        "row": columns,
        "weights": ", ".join(variant.weights) or "none are published",
    }
    for title, text in lines.items():
        print(f"{title:<12}{text}")


def _summary(arguments: argparse.Namespace) -> None:
    from kerascnn.models.summary import summarize

    summary = summarize(arguments.name)
    if arguments.json:
        print_json(summary.to_json())
    else:
        print(summary.table())
