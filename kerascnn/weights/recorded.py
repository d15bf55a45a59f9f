"""The network that a file records: a row of the registry and the arguments of its builder."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from kerascnn.errors import DamagedFileError, UsageError
from kerascnn.models.registry import model_info
from kerascnn.models.request import ARGUMENTS

NOT_RECORDED = ("weights", "input_tensor", "name")
"""Arguments of a builder that a file may not set."""


def recorded_network(row: Any, arguments: Any) -> tuple[str, dict[str, Any]]:
    """Returns a row and its builder's arguments, after checking values that a file gives.

    Args:
        row: name of a row of the registry.
        arguments: the builder's arguments, as JSON has them.

    Raises:
        DamagedFileError: they are no row and arguments of it.
    """
    if not isinstance(row, str) or not isinstance(arguments, dict):
        raise DamagedFileError("its record is damaged")
    try:
        table_row, taken = model_info(row).row_for(arguments)
    except UsageError as error:
        raise DamagedFileError(
            f"its record was written by another version of kerascnn: {error}"
        ) from error
    columns = [field.name for field in fields(table_row)]
    allowed = {*ARGUMENTS, *columns} - set(NOT_RECORDED)
    if not allowed.issuperset(taken):
        raise DamagedFileError(f"its record has arguments that {row} does not have")
    return row, {name: _plain_value(value) for name, value in arguments.items()}


def _plain_value(value: Any) -> Any:
    """Returns an argument with tuples, which the rows have, instead of JSON's lists.

    A dictionary is refused, since Keras would build an object of any class from it.
    """
    if isinstance(value, dict):
        raise DamagedFileError("its record has an argument that is not a number, text or list")
    return tuple(_plain_value(item) for item in value) if isinstance(value, list) else value
