"""ImageNet's names of classes."""

from __future__ import annotations

from kerascnn.published.imagenet_classes import CLASS_NAMES


def test_classes_are_named_in_order() -> None:
    assert len(set(CLASS_NAMES)) == len(CLASS_NAMES) == 1000
    # Indices that everybody knows: the first, the goldfish, the cat, Keras's elephant, the last.
    places = {0: "tench", 1: "goldfish", 281: "tabby", 386: "African elephant"}
    assert {place: CLASS_NAMES[place] for place in places} == places
    assert CLASS_NAMES[-1] == "toilet tissue"
