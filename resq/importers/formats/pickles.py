"""What a pickle says, without doing it: its opcodes are read as data and no name in it is ever looked up.

``torch.load(weights_only=True)`` runs nothing either, but takes memory as the file asks before anything can
be checked: a tensor may claim more elements than its storage holds. Here a tensor stays a description.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resq.importers.formats import subclasses
from resq.importers.formats.tensors import RefusedError as RefusedError
from resq.importers.formats.tensors import Storage as Storage
from resq.importers.formats.tensors import View as View
from resq.importers.formats.tensors import view

STEPS = 100_000  # opcodes; the largest network here with its optimizer's state takes some 20,000
TENSORS = {f"torch._utils._rebuild_tensor{v}" for v in ("", "_v2")}
PARAMETER = "torch._utils._rebuild_parameter"
DICT = "collections.OrderedDict"
REBUILT: dict[str, Callable[[Any], Any]] = {
    subclasses.QTENSOR: subclasses.qtensor,
    subclasses.TYPED: subclasses.typed,
    subclasses.OTHER_DTYPE: subclasses.other_dtype,
}
# Bookkeeping that public checkpoints carry beside their weights: recognised so that it can be passed over.
PASSED_OVER = {
    *("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype", "_codecs.encode"),
    *("argparse.Namespace", "collections.defaultdict", "torch.device", "torch.Size"),
    *("builtins.set", "__builtin__.set", "builtins.dict", "__builtin__.dict", "collections.Counter"),
}
STORAGES = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "bf16",
    "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "b1", **subclasses.QUANTIZED,
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """A name that the pickle would import."""

    name: str


class Machine:
    """A pickle's stack and memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def take(self, name: str, arg: Any) -> None:
        """Follows one opcode.

        Raises:
            RefusedError: an opcode or a name that no file of tensors needs.
        """
        if name in CONSTANTS:
            self.stack.append(CONSTANTS[name]() if name.startswith("EMPTY") else _constant(name, arg))
        elif name in OPCODES:
            OPCODES[name](self, arg)
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise RefusedError(f"holds the pickle opcode {name}, which no file of tensors needs")

    def above(self) -> list[Any]:
        """What lies above the last mark, taken off the stack."""
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def last(self, n: int) -> tuple[Any, ...]:
        """The n topmost values, taken off the stack."""
        items = tuple(self.stack[-n:])
        if len(items) < n:
            raise IndexError
        del self.stack[-n:]
        return items

    def remember(self, place: Any) -> None:
        """The last item under a number, by default the next one."""
        self.memo[len(self.memo) if place is None else int(place)] = self.stack[-1]

    def name(self, arg: str | None) -> None:
        """A name of a module, refused where it is not among those allowed."""
        module, name = self.last(2) if arg is None else arg.split(" ", 1)
        self.stack.append(Named(_allowed(f"{module}.{name}")))

    def fill(self, pairs: list[Any]) -> None:
        """Keys and values into the dict on top."""
        _fill(self.stack[-1], pairs)

    def new_dict(self, _: Any) -> None:
        """A dict of the items above the mark."""
        items = self.above()
        self.stack.append({})
        self.fill(items)

    def call(self, _: Any) -> None:
        """What a name makes of its arguments, of the few that are allowed."""
        what, arguments = self.last(2)
        self.stack.append(_called(what.name, arguments))


def _constant(name: str, arg: Any) -> Any:
    return {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}.get(name, arg)


def _allowed(name: str) -> str:
    kind = name.rsplit(".", 1)[-1]
    storage = name in (f"torch.{kind}", f"torch.cuda.{kind}", f"torch.storage.{kind}") and kind in STORAGES
    dtype = name.startswith("torch.") and kind.startswith(("float", "int", "uint", "bfloat", "bool"))
    if not (storage or dtype or subclasses.known(name) or name in {*TENSORS, PARAMETER, DICT, *PASSED_OVER}):
        plain = "{name: tensor.dequantize() for name, tensor in model.state_dict().items()}"
        raise RefusedError(
            f"names {name[:80]!r}, which is code; code in a file is never run: save the tensors alone, "
            f"torch.save({plain if kind.endswith('Tensor') else 'model.state_dict()'}, file)"
        )
    return name


def _fill(target: Any, pairs: list[Any]) -> None:
    """Sets pairs in a dict; keys are kept to strings and numbers, whose hashes cannot run deep."""
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, str | int | float | None):
            raise RefusedError("holds a dict whose keys are no names")
        if isinstance(target, dict):
            target[key] = value


def _called(name: str, arguments: Any) -> Any:
    """What a call in the pickle stands for: a tensor, its wrapping, a dict, or something passed over."""
    if name in TENSORS:
        storage, offset, shape, strides = arguments[:4]
        return view(storage, offset, shape, strides)
    if name in REBUILT:
        return REBUILT[name](arguments)
    if name == PARAMETER:
        return arguments[0]
    if name == DICT:
        made: dict[Any, Any] = {}
        _fill(made, [item for pair in (arguments[0] if arguments else ()) for item in pair])
        return made
    return Named(name)


def _storage(machine: Machine, _: Any) -> None:
    """('storage', class, key, where it was, elements) and in older files a view of another storage."""
    (reference,) = machine.last(1)
    kind = reference[1].name.rsplit(".", 1)[-1]
    view = reference[5] if len(reference) > 5 else None
    if reference[0] != "storage" or kind not in STORAGES or type(reference[4]) is not int:
        raise RefusedError("refers to something that is no storage of numbers")
    machine.stack.append(
        Storage(STORAGES[kind], str(reference[2]), reference[4], int(view[1]) if view else 0)
    )


def _tuple(n: int) -> Callable[[Machine, Any], None]:
    return lambda m, _: m.stack.append(m.last(n))


CONSTANTS: dict[str, Any] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": list}
CONSTANTS |= dict.fromkeys(
    "BININT BININT1 BININT2 INT LONG LONG1 LONG4 FLOAT BINFLOAT NONE NEWTRUE NEWFALSE STRING "
    "BINSTRING SHORT_BINSTRING UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 BINBYTES "
    "SHORT_BINBYTES BINBYTES8".split()
)

OPCODES: dict[str, Callable[[Machine, Any], object]] = {
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "POP": lambda m, _: m.last(1),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.above())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": lambda m, _: m.stack.append(m.above()),
    "DICT": Machine.new_dict,
    "SETITEM": lambda m, _: m.fill(list(m.last(2))),
    "SETITEMS": lambda m, _: m.fill(m.above()),
    "APPEND": lambda m, _: (item := m.last(1), m.stack[-1].extend(item)),
    "APPENDS": lambda m, _: (items := m.above(), m.stack[-1].extend(items)),
    "ADDITEMS": lambda m, _: (items := m.above(), m.stack[-1].extend(items)),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), Machine.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, place: m.stack.append(m.memo[int(place)])),
    **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), Machine.name),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), Machine.call),
    "BUILD": lambda m, _: m.last(1),  # attributes beside the items, such as a state dict's _metadata
    "BINPERSID": _storage,
}


def read(file: io.BytesIO) -> Any:
    """The value that the next pickle in ``file`` describes, tensors as ``View``; nothing is executed.

    Raises:
        RefusedError: it is cut off or malformed, or it names code.
    """
    machine = Machine()
    try:
        for step, (op, arg, _) in enumerate(pickletools.genops(file)):
            if step >= STEPS:
                raise RefusedError(f"describes its tensors in more than {STEPS} steps")
            machine.take(op.name, arg)
        (value,) = machine.stack
    except RefusedError:
        raise
    # A malformed pickle can fail at any opcode, in as many ways as Python knows.
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise RefusedError(
            f"holds a cut-off or malformed pickle ({str(error)[:80] or 'empty stack'})"
        ) from None
    return value
