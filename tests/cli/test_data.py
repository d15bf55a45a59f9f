"""`kerascnn recipes` lists recipes, and prints one field by field."""

from __future__ import annotations

import json

from kerascnn.cli import main
from kerascnn.recipes.lookup import differences
from kerascnn.recipes.table import RECIPES


def test_the_command_lists_and_prints_recipes(capsys):
    assert main(["recipes"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in RECIPES)
    assert main(["recipes", "resnet_2015"]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert rows["weight_decay"].split()[1] == "0.0001"
    assert "1e-5" in rows["weight_decay"]
    assert rows["drops"].split()[1] == "0.1"
    assert "departure: a plateau is" in shown
    for field in differences(RECIPES["resnet_2015"]):
        assert field in rows
    assert main(["recipes", "modern", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["cutmix"] == 1.0
    assert record["notes"]["cutmix"] == "torchvision: 1.0"
    assert main(["recipes", "resnet"]) == 2
    assert "did you mean" in capsys.readouterr().err
