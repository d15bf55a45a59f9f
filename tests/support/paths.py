"""Where the checkout is, and what the tests read from it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
FIXTURES = TESTS / "fixtures"
SCRIPTS = TESTS / "support" / "scripts"
"""Programs that tests start as processes of their own."""
