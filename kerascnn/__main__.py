"""`python -m kerascnn` is the `kerascnn` command."""

from __future__ import annotations

import sys

from kerascnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
