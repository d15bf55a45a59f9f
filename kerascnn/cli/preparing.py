"""`kerascnn recipes` and `check-data`: what to look at before a training."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from kerascnn.cli.output import print_json
from kerascnn.text_table import text_table

_LISTED = 20


def add_verbs(verbs: Any) -> None:
    """Adds the verbs of this module to the command's parser."""
    recipes = verbs.add_parser(
        "recipes",
        help="how the papers trained: the recipes of `train`, field by field",
        description="Lists the recipes that `train --recipe` takes, or the fields of one with\n"
        "the paper's words.",
        epilog="example:\n  kerascnn recipes resnet_2015",
    )
    recipes.add_argument("name", metavar="NAME", nargs="?", help="of a recipe; none lists all")
    recipes.set_defaults(run=_recipes)

    check = verbs.add_parser(
        "check-data",
        help="what is wrong with the images of a data set, before a training",
        description="Decodes every image and reports what is unreadable, empty, ignored, alike in\n"
        "training and test, or lopsided; exit code 6 if a training would be stopped by it.",
        epilog="example:\n  kerascnn check-data folder:photos",
    )
    check.add_argument("data", metavar="DATA", help="folder:PATH, or any other source")
    check.add_argument(
        "--max-bad",
        default="1%",
        metavar="N",
        help="images that may be unreadable: a number, or a share as 1%% (the default)",
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
    print(text_table(("field", "value", "in the paper's words"), rows))
    for line in recipe.departures:
        print(
            "\n" + textwrap.fill(f"departure: {line}", 98, subsequent_indent="  "),
            end="",
        )
    if recipe.departures:
        print()
    print(f"\n`--set {rows[0][0]}={rows[0][1]}` sets a field; all others are off, or Keras's own.")


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
        print("nothing that stops a training" if warnings else "nothing found")
