"""Restores the links of the checkout where they are lost; the package is described in setup.cfg.

pip unpacks a link of a .zip archive as a text file that names the link's target, and git does so
where it was told that a file system has no links.
"""

from pathlib import Path

from setuptools import setup

for link in map(Path, ("src/kerascnn", "kerascnn/applications", "kerascnn/tuning")):
    if link.is_file():
        target = link.read_text("utf-8").strip()
        link.unlink()
        link.symlink_to(target)

setup()
