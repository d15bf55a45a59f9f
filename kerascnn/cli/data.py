"""`kerascnn recipes` and `check-data`: preparation of a training."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from kerascnn.cli.output import print_json
from kerascnn.text_table import text_table

_LISTED = 20


def add_verbs(verbs: Any) -> None:
    """Adds the verbs of this module to the parser of the command."""
    recipes = verbs.add_parser(
        "recipes",
        help="list the recipes of `train`, or the fields of one",
        description="Lists the recipes that `train --recipe` takes, or the fields of one recipe\n"
        "with quotations from its paper.",
        epilog="example:\n  kerascnn recipes resnet_2015",
    )
    recipes.add_argument(
        "name", metavar="NAME", nargs="?", help="a recipe; without it, all are listed"
    )
    recipes.set_defaults(run=_recipes)

    check = verbs.add_parser(
        "check-data",
        help="check the images of a data set before a training",
        description="Decodes every image and reports unreadable, empty and ignored files,\n"
        "duplicates in training and test, and unbalanced classes. Exit code 6 if a training\n"
        "would fail.",
        epilog="example:\n  kerascnn check-data folder:photos",
    )
    check.add_argument("data", metavar="DATA", help="folder:PATH, or any other source")
    check.add_argument(
        "--max-bad",
        default="1%",
        metavar="N",
        help="unreadable images that are accepted: a number or a share (1%%)",
    )
    check.set_defaults(run=_check)


def _recipes(arguments: argparse.Namespace) -> None:
    from kerascnn.recipes.lookup import RECIPES, differences, find_recipe

    if arguments.name is None:
        if arguments.json:
            print_json(
                [{"name": recipe.name, "about": recipe.about} for recipe in RECIPES.values()]
            )
            return
        recipes = [(recipe.name, recipe.about) for recipe in RECIPES.values()]
        print(text_table(("recipe", "about"), recipes))
        return
    recipe = find_recipe(arguments.name)
    if arguments.json:
        spoken = {"about": recipe.about, "paper": recipe.paper, "notes": dict(recipe.notes)}
        print_json({**recipe.to_json(), **spoken, "departures": recipe.departures})
        return
    print(f"{recipe.name}: {recipe.about}")
    if recipe.paper:
        print(recipe.paper)
    print()
    notes, changed = dict(recipe.notes), differences(recipe)
    shown = _ALWAYS if recipe.schedule in ("constant", "cosine") else (*_ALWAYS, "drops")
    rows = [
        (field, _text(value), notes.get(field, ""))
        for field, value in recipe.to_json().items()
        if field in changed or field in notes or field in shown
    ]
    print(text_table(("field", "value", "quoted from the paper"), rows))
    for line in recipe.departures:
        print(
            "\n" + textwrap.fill(f"departure: {line}", 98, subsequent_indent="  "),
            end="",
        )
    if recipe.departures:
        print()
    name, text, _ = rows[0]
    print(f"\n`--set {name}={text}` sets a field; other fields are off or have Keras's default.")


_ALWAYS = ("optimizer", "learning_rate", "schedule", "batch_size", "epochs")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value).lower()


def _check(arguments: argparse.Namespace) -> None:
    from kerascnn.data.check import check_data
    from kerascnn.data.sources.image_check import allowed_bad

    report = check_data(arguments.data)
    limit = allowed_bad(arguments.max_bad, report.images)
    if arguments.json:
        print_json({**report.to_json(), "allowed_bad": limit})
    else:
        for line in report.lines(_LISTED):
            print(line)
    report.refuse(limit)
    if not arguments.json:
        warnings = report.warnings()
        print("no errors, only warnings" if warnings else "no problems")
