"""What the names in a PyTorch file's pickle stand for, and which of them are refused.

No name is ever imported. The functions that describe tensors have a counterpart here (`CALLS`).
Instances of other classes, such as the scheduler or the options of a training script, hold nothing
here (`Opaque`). A file is refused that names anything else of Python's own library, or that calls a
function: only an attack needs this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from kerascnn.errors import DamagedFileError
from kerascnn.fileio.untrusted import quoted

MAXIMUM_RANK = 16

STORAGE_MODULES = ("torch", "torch.storage")
# Storage classes of torch -> NumPy types of their elements.
STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
    "UntypedStorage": "untyped",
}
UNREAD_BYTES = {
    "complex64": 8, "complex128": 16, "qint8": 1, "quint8": 1, "qint32": 4, "quint4x2": 1,
    "quint2x4": 1, "untyped": 1,
}  # fmt: skip
"""Types of elements whose values are not read -> bytes of an element."""


class Name(NamedTuple):
    """A function or class that the pickle refers to by name; it is never imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Storage:
    """A block of numbers in the file: element type, key in the file, number of elements."""

    dtype: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """A tensor: its storage, its first element in it, its shape, and its strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UnreadTensor:
    """A tensor of a kind that is not read, such as "quantised"; `name` is what describes it."""

    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Opaque:
    """Stands for an object that is no tensor and is ignored; `name` is its class."""

    name: str = ""


def whole(*values: Any) -> bool:
    """Returns whether all values are whole numbers, and no booleans."""
    return all(type(value) is int for value in values)  # `isinstance` would accept booleans


def _tensor(arguments: tuple[Any, ...]) -> TensorRecord | UnreadTensor:
    storage, offset, shape, strides = (*arguments, None, None, None, None)[:4]
    good = isinstance(storage, Storage) and whole(offset) and offset >= 0
    good = good and isinstance(shape, tuple) and isinstance(strides, tuple)
    if not good or not len(shape) == len(strides) <= MAXIMUM_RANK:
        raise DamagedFileError("the description of one of its tensors is not made of numbers")
    if not whole(*shape, *strides) or min((*shape, *strides, 0)) < 0:
        raise DamagedFileError("one of its tensors has an impossible shape")
    if storage.dtype in UNREAD_BYTES:
        return UnreadTensor(storage.dtype)
    return TensorRecord(storage, offset, shape, strides)


def _tensor_of_bytes(arguments: tuple[Any, ...]) -> UnreadTensor:
    dtype = arguments[6] if len(arguments) > 6 else None
    return UnreadTensor(dtype.name if isinstance(dtype, Name) else "untyped")


def _moved_tensor(arguments: tuple[Any, ...]) -> Any:
    """Returns a tensor that was copied from a device, if it was not converted as well."""
    tensor, dtype = (*arguments, None, None)[:2]
    if isinstance(tensor, TensorRecord) and dtype == Name("torch", tensor.storage.dtype):
        return tensor
    return UnreadTensor("from a device")


def _typed_tensor(arguments: tuple[Any, ...]) -> Any:
    """Returns the tensor of a subclass of torch.Tensor: its function, class, arguments, state."""
    function, _, inner = (*arguments, None, None, None)[:3]
    if not isinstance(function, Name) or not isinstance(inner, tuple):
        raise DamagedFileError("the description of one of its tensors names no function")
    call = _TENSORS.get(function)
    return call(inner) if call else UnreadTensor("of a subclass")


def dictionary(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """Returns a dictionary of a list of pairs.

    Args:
        arguments: the list, or nothing.

    Raises:
        DamagedFileError: it is no list of pairs.
    """
    if arguments and not (len(arguments) == 1 and isinstance(arguments[0], list)):
        raise DamagedFileError("one of its dictionaries is not made from a list of pairs")
    pairs = arguments[0] if arguments else []
    if not all(isinstance(item, tuple | list) and len(item) == 2 for item in pairs):
        raise DamagedFileError("one of its dictionaries has an entry that is no pair")
    target: dict[Any, Any] = {}
    fill(target, pairs)
    return target


def fill(target: dict[Any, Any], pairs: Iterable[Any]) -> None:
    """Sets the entries of a dictionary, but for those whose key is no text or small number.

    A table of tensors has no other keys. Large numbers and fractions are left out because a file
    could choose them so that all their hashes collide; hashes of texts are random.
    """
    for key, value in pairs:
        if isinstance(key, str | bytes | None) or (isinstance(key, int) and abs(key) < 2**31):
            target[key] = value


def _first(arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if arguments else None


def _unread(kind: str, name: str) -> Callable[[tuple[Any, ...]], UnreadTensor]:
    def unread(arguments: tuple[Any, ...]) -> UnreadTensor:
        return UnreadTensor(kind, name)

    return unread


_TENSORS: dict[Name, Callable[[tuple[Any, ...]], Any]] = {
    Name("torch._utils", name): call
    for name, call in {
        "_rebuild_tensor": _tensor,
        "_rebuild_tensor_v2": _tensor,
        "_rebuild_tensor_v3": _tensor_of_bytes,
        "_rebuild_parameter": _first,
        "_rebuild_parameter_with_state": _first,
        "_rebuild_device_tensor_from_cpu_tensor": _moved_tensor,
        "_rebuild_device_tensor_from_numpy": _unread(
            "from a device", "torch._utils._rebuild_device_tensor_from_numpy"
        ),
        "_rebuild_xla_tensor": _unread("from a device", "torch._utils._rebuild_xla_tensor"),
        "_rebuild_qtensor": _unread("quantised", "torch._utils._rebuild_qtensor"),
        "_rebuild_sparse_tensor": _unread("sparse", "torch._utils._rebuild_sparse_tensor"),
        "_rebuild_nested_tensor": _unread("nested", "torch._utils._rebuild_nested_tensor"),
        "_rebuild_meta_tensor_no_storage": _unread(
            "without values", "torch._utils._rebuild_meta_tensor_no_storage"
        ),
        "_rebuild_wrapper_subclass": _unread(
            "of a subclass", "torch._utils._rebuild_wrapper_subclass"
        ),
    }.items()
}

CALLS: dict[Name, Callable[[tuple[Any, ...]], Any]] = {
    **_TENSORS,
    Name("torch._tensor", "_rebuild_from_type_v2"): _typed_tensor,
    Name("torch.nn.parameter", "Parameter"): _first,
    Name("torch", "Tensor"): _unread("of an old version", "torch.Tensor"),
    Name("torch", "Size"): _first,
    Name("collections", "OrderedDict"): dictionary,
}
"""A name that a file may call -> the function that is called instead."""

DATA = {
    "_codecs": ("encode",),
    "argparse": ("Namespace",),
    "builtins": (
        "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list",
        "object", "range", "set", "slice", "str", "tuple",
    ),
    "collections": ("Counter", "defaultdict", "deque"),
    "copyreg": ("_reconstructor",),
    "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "numpy": ("dtype", "ndarray"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "numpy.core.multiarray": ("_reconstruct", "scalar"),
    "numpy.random._pickle": ("__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor"),
    "pathlib": ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"),
    "torch": (
        "device",
        "bfloat16", "bool", "complex32", "complex64", "complex128", "float16", "float32", "float64",
        "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
        "float4_e2m1fn_x2", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
        "uint64", "qint8", "qint32", "quint8", "quint4x2", "quint2x4", "bits8", "bits16",
        "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
        "per_channel_affine_float_qparams",
    ),
    "torch.serialization": ("_get_layout",),
    "types": ("SimpleNamespace",),
    "uuid": ("SafeUUID", "UUID"),
}  # fmt: skip
"""Modules, and the names in them that make plain data; these objects are ignored."""
PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}
"""Modules of Python 2, whose names pickles of protocol 2 have -> their present names."""
OTHERS_OF_PYTHON_2 = {
    "BaseHTTPServer", "Queue", "StringIO", "UserDict", "UserList", "cPickle",
    "cStringIO", "commands", "exceptions", "httplib", "popen2", "thread", "urllib2", "urlparse",
    "xmlrpclib",
}  # fmt: skip
LIBRARIES = ("torch", "numpy", "kerascnn")
"""Packages whose functions are known: no call is read but those listed above."""


def spelled(module: str, name: str) -> Name:
    """Returns a name of the file, with the module's name of Python 3."""
    module = PYTHON_2.get(module, module)
    return Name("pathlib" if module == "pathlib._local" else module, name)


def is_data_class(name: Name) -> bool:
    """Returns whether a name makes plain data that no table of tensors needs."""
    return name.name in DATA.get(name.module, ())


def refusal(name: Name, called: bool = False) -> str:
    """Returns why a file with this name is refused; empty if it is not.

    A name of Python's own library is refused if it does not make plain data. So is a call of a name
    that is not written like a class: pickles call classes to make members of enumerations, and
    functions for what no file of weights needs.

    Args:
        name: the name.
        called: whether the file calls it.
    """
    if name in CALLS or is_data_class(name):
        return ""
    root = name.module.partition(".")[0]
    standard = root in sys.stdlib_module_names or root in OTHERS_OF_PYTHON_2
    # `__main__` is the user's script; sys.stdlib_module_names does not have it.
    function = not name.name.rpartition(".")[2][:1].isupper()
    library = root in LIBRARIES
    if standard or (called and (function or library)) or (function and library):
        return (
            f"it asks to run {quoted(str(name))}; only tensors are read. Save the weights alone: "
            "torch.save(model.state_dict(), path)"
        )
    return ""
