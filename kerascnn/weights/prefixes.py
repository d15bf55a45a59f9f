"""Finds the prefix under which the names of a network stand in a file.

Training scripts wrap a network: `module.layer1.0.conv1.weight`, `net.backbone.layer1…`,
`layer1._orig_mod.0.conv1…`. The prefix is not taken from a list. It is the one under which most of
the names that a network expects appear in the file. A file can have several such prefixes, one for
each of its networks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

WRAPPERS = (
    "module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module",
)  # fmt: skip
"""Components that PyTorch's wrappers put into a name, at any place; no network has them."""
SEPARATORS = re.compile(r"[./]")
EQUAL = 0.9
"""Prefixes with at least this fraction of the names of the best one are other networks."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Place:
    """A prefix of names in a file.

    Args:
        prefix: it, with the separator at its end; empty for names without a prefix.
        count: number of a network's variables that have a tensor under it.
    """

    prefix: str
    count: int

    def is_part(self, part: str) -> bool:
        """Returns whether a user who writes `part` means this prefix."""
        components = [text for text in SEPARATORS.split(self.prefix) if text]
        asked = [text for text in SEPARATORS.split(part) if text]
        starts = range(len(components) - len(asked) + 1)
        return any(components[start : start + len(asked)] == asked for start in starts)


class Names:
    """The names of a file's tensors, without wrappers, and all their endings.

    Args:
        tensors: the file's tensors by name.
    """

    def __init__(self, tensors: Mapping[str, Item]) -> None:
        short = {_without_wrappers(name): name for name in tensors}
        if len(short) != len(tensors):  # two names would become one
            short = {name: name for name in tensors}
        self.originals = short
        self._prefixes: dict[str, list[str]] = {}
        for name in short:
            self._prefixes.setdefault(name, []).append("")
            for match in SEPARATORS.finditer(name):
                end = match.end()
                self._prefixes.setdefault(name[end:], []).append(name[:end])

    def places(self, variables: Iterable[Sequence[str]]) -> list[Place]:
        """Returns the prefixes under which a network's names stand, the best first.

        Args:
            variables: for each variable of the network, the names that it may have.
        """
        counts: Counter[str] = Counter()
        for spellings in variables:
            counts.update({prefix for name in spellings for prefix in self._prefixes.get(name, ())})
        if not counts:
            return []
        most = max(counts.values())
        places = [Place(prefix, count) for prefix, count in counts.items() if count >= EQUAL * most]
        return sorted(places, key=lambda place: (-place.count, len(place.prefix), place.prefix))

    def under(self, prefix: str) -> dict[str, str]:
        """Returns the names that begin with a prefix: the rest of each -> the name in the file."""
        return {
            name.removeprefix(prefix): original
            for name, original in self.originals.items()
            if name.startswith(prefix)
        }


def _without_wrappers(name: str) -> str:
    """Returns a name of PyTorch without the components that its wrappers add."""
    components = name.split(".")
    if not any(component in WRAPPERS for component in components):
        return name
    return ".".join(component for component in components if component not in WRAPPERS)
