"""The `kerascnn` command: one module for each group of verbs.

Only the standard library is imported here. A verb imports what it needs when it runs, so that help
and listings start fast.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from kerascnn.cli import (
    data,
    evaluation,
    exporting,
    inference,
    models,
    training,
    tuning,
    weights,
)
from kerascnn.cli.output import add_shared_options
from kerascnn.errors import Interrupted, KerasCNNError, OutputError
from kerascnn.version import __version__

BROKEN_PIPE = 141
"""The exit code of a program whose output pipe was closed (128 + SIGPIPE)."""

_DESCRIPTION = """\
The classic convolutional networks for Keras 3, from LeNet-5 to EfficientNet.

  kerascnn list "*resnet*"                 list architectures
  kerascnn train lenet5 digits             train on real digits, no download
  kerascnn export runs/x out/              write SavedModel and ONNX, compared with Keras"""

_EXIT_CODES = """\
exit codes: 0 success, 1 unexpected error, 2 wrong usage, 3 unsafe file refused, 4 damaged file,
5 mismatch of model, data or weights, 6 bad data, 7 training diverged, 8 cannot write,
75 interrupted"""


class _OneLineParser(argparse.ArgumentParser):
    """Reports a usage error in one line, without the usage text that argparse prints."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"kerascnn: error: {message}; see `{self.prog} --help`\n")


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the whole command."""
    top = _OneLineParser(
        prog="kerascnn",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"kerascnn {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    for group in (models, data, training, evaluation, inference, tuning, exporting, weights):
        group.add_verbs(verbs)
    for verb in verbs.choices.values():
        add_shared_options(verb, False)
    return top


def _fail(message: object, code: int) -> int:
    print(f"kerascnn: error: {message}", file=sys.stderr)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: the arguments after the command's name; None for those of the process.

    Returns:
        The exit code, as `kerascnn --help` lists them.
    """
    try:
        arguments = parser().parse_args(argv)
    except SystemExit as stop:  # argparse ends --help with 0 and wrong usage with 2
        return int(stop.code or 0)
    try:
        arguments.run(arguments)
        sys.stdout.flush()
        return 0
    except BrokenPipeError:
        # Python flushes stdout again at exit, which must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (Exception, KeyboardInterrupt) as error:
        if arguments.debug:
            traceback.print_exc()
        return _report(error)


def _report(error: BaseException) -> int:
    """Prints an error as one line and returns its exit code."""
    if isinstance(error, KerasCNNError):
        return _fail(error, error.exit_code)
    if isinstance(error, KeyboardInterrupt):
        return _fail("interrupted", Interrupted.exit_code)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return _fail(error, OutputError.exit_code)
    first = (str(error).strip() or "no message").splitlines()[0]
    return _fail(
        f"unexpected {type(error).__name__}: {first[:300]}; --debug shows the traceback", 1
    )
