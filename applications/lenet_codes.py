"""The codes that the LeNet-5 of 1998 compares its last layer with.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), section II.B.
"""

from __future__ import annotations

import random

# After Figure 3 of the paper: bitmaps of 7 x 12, "#" for +1 and "." for -1.
DIGITS = """
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...#... ..###.. .#####. ....#.. .#####. ..####. .#####. ..###.. ..###..
.#...#. ..##... .#...#. .....#. ...##.. .#..... .#..... .....#. .#...#. .#...#.
#.....# .#.#... #.....# ....#.. ..#.#.. #...... #...... ....#.. #.....# #.....#
#.....# ...#... ......# ...#... .#..#.. #.###.. #...... ....#.. #.....# #.....#
#.....# ...#... .....#. ..###.. #...#.. ##...#. #.###.. ...#... .#...#. .#....#
#.....# ...#... ....#.. .....#. ####### ......# ##...#. ...#... ..###.. ..####.
#.....# ...#... ...#... ......# ....#.. ......# #.....# ..#.... .#...#. ......#
#.....# ...#... ..#.... ......# ....#.. ......# #.....# ..#.... #.....# ......#
.#...#. ...#... .#..... #....#. ....#.. #....#. .#...#. .#..... .#...#. .....#.
..###.. .#####. ####### .####.. ....#.. .####.. ..###.. .#..... ..###.. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def centres(classes: int, units: int) -> list[list[int]]:
    """Returns a code of ±1 for each class: the digits, or random ones from a fixed seed."""
    rows = [line.split() for line in DIGITS.strip().splitlines()]
    if classes == len(rows[0]):
        bitmaps = ("".join(row[digit] for row in rows) for digit in range(classes))
        return [[1 if dot == "#" else -1 for dot in bitmap] for bitmap in bitmaps]
    draw = random.Random(1998)
    return [[draw.choice((-1, 1)) for _ in range(units)] for _ in range(classes)]
