"""What a pickle may call: the package's own functions alone."""

from __future__ import annotations

import pytest

from kerascnn.errors import UnsafeFileError
from kerascnn.fileio.pickle_machine import Machine
from kerascnn.fileio.pickle_names import CALLS, Opaque


def test_nothing_that_may_be_called_is_a_name_of_python() -> None:
    """What a file may name leads to this package's own functions and to no import."""
    for call in CALLS.values():
        assert call.__module__ == "kerascnn.fileio.pickle_names"


def run(pickle: bytes) -> object:
    return Machine(memoryview(pickle)).run()


@pytest.mark.parametrize("module", ["mypackage.options", "__main__", "torch.optim.lr_scheduler"])
def test_an_instance_of_an_unknown_class_holds_nothing(module: str) -> None:
    pickle = b"\x80\x02}X\x01\x00\x00\x00ac" + module.encode() + b"\nOptions\n)\x81}bs."
    machine = Machine(memoryview(pickle))
    assert machine.run() == {"a": Opaque(f"{module}.Options")}
    assert list(machine.unknown) == [f"{module}.Options"]


@pytest.mark.parametrize(
    "name",
    ["os\nsystem", "posix\nsystem", "subprocess\nPopen", "builtins\nexec", "__builtin__\neval",
     "commands\ngetoutput", "mypackage\nrun", "torch\nload", "torch.nn\nLinear", "joblib\nload",
     "functools\npartial", "importlib\nimport_module", "pickle\nloads", "numpy\nload"],
)  # fmt: skip
def test_calls_are_refused_beside_sound_data(name: str) -> None:
    with pytest.raises(UnsafeFileError, match="asks to run"):
        run(b"\x80\x02}X\x01\x00\x00\x00ac" + name.encode() + b"\nX\x01\x00\x00\x00x\x85Rs.")


def test_members_of_enumerations_and_paths_are_left_out() -> None:
    for name in (b"mypackage\nMode", b"pathlib\nPosixPath", b"datetime\ndatetime"):
        assert isinstance(run(b"\x80\x02c" + name + b"\nX\x01\x00\x00\x00x\x85R."), Opaque)
