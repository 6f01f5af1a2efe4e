"""The graph of a .pt2 file as data: which operators, what each is given, what it makes. No torch.

torch.export.load is not used: it evaluates texts of the file (sizes, as sympy reads them), looks operators up
anywhere below ``torch`` and unpickles sample inputs. Here the JSON is read as data, and an operator is one of
ATen's or of the quantizers', without names of files among what it is given.

Source: torch/_export/serde/schema.py of torch 2.13.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from resq.deployed.words import RefusedError

MOST = 100_000  # nodes
# torch's ScalarType -> dtype and bits.
TYPES = {1: ("uint8", 8), 2: ("int8", 8), 3: ("int16", 16), 4: ("int32", 32), 5: ("int64", 64),
         6: ("float16", 16), 7: ("float32", 32), 8: ("float64", 64), 12: ("bool", 8), 13: ("bfloat16", 16),
         28: ("uint16", 16)}  # fmt: skip
FORMATS = {1: "contiguous_format", 2: "channels_last", 3: "channels_last_3d", 4: "preserve_format"}
OPERATORS = re.compile(r"torch\.ops\.(aten|quantized_decomposed)\.(\w+)\.(\w+)")
# Sizes that are computed with.
NUMBERS = re.compile(
    r"_operator\.(eq|ne|le|ge|lt|gt|neg|pos|mul|add|sub|floordiv|truediv|mod|and_|or_)|math\.trunc|"
    r"torch\.sym_(not|int|float|ite|max|min)"
)
# Arguments that are texts and name no file.
TEXTS = ("approximate", "padding", "rounding_mode", "mode", "indexing", "equation", "reduce", "norm", "side",
         "assert_msg")  # fmt: skip
# Operators of ATen that reach for memory which is not theirs, or for none that is written.
DENIED = re.compile(r"from_file|save|load|set_|_?resize.*|_unsafe_(?!view$).*|.*_check_.*|record_stream|"
                    r".*data_ptr.*|_reinterpret.*|storage.*|.*_cuda.*|.*_cudnn.*")  # fmt: skip


@dataclass(frozen=True)
class Ref:
    """A value that was made before, by its name."""

    name: str


@dataclass(frozen=True)
class Said:
    """What numbers cannot say: ``kind`` is dtype, memory_format, layout or device."""

    kind: str
    value: str


@dataclass(frozen=True)
class Node:
    """An operator.

    Attributes:
        target: its full name, such as torch.ops.aten.conv2d.default.
        given: (name of the argument, value) in order; values are numbers, texts, lists, ``Ref``, ``Said``.
        made: a name, or a tuple of names where it makes a list; None where nobody reads it.
    """

    target: str
    arguments: tuple[tuple[str, Any], ...]
    made: tuple[Any, ...]

    @property
    def op(self) -> str:
        """Its short name, such as conv2d."""
        parts = self.target.split(".")
        return parts[3] if self.target.startswith("torch.ops.") else parts[-1]

    def reads(self) -> Iterator[tuple[str, str]]:
        """(argument, name of the value) of what it reads."""
        for argument, value in self.arguments:
            for ref in value if isinstance(value, tuple) else (value,):
                if isinstance(ref, Ref):
                    yield argument, ref.name

    def makes(self) -> Iterator[str]:
        """The names of what it makes."""
        for one in self.made:
            yield from (name for name in (one if isinstance(one, tuple) else (one,)) if name)


def nodes(graph: dict[str, Any]) -> tuple[Node, ...]:
    """The operators of a graph, in order.

    Raises:
        RefusedError: one that is not run here.
    """
    listed = graph["nodes"]
    if len(listed) > MOST:
        raise RefusedError(f"has {len(listed)} operators; at most {MOST}")
    parsed = (_node(one) for one in listed)
    return tuple(node for node in parsed if not node.op.startswith("_assert"))


def only(union: dict[str, Any]) -> tuple[str, Any]:
    """The kind and the value of a union, which JSON has as an object with one entry.

    Raises:
        ValueError: it has another number of entries.

    >>> only({"as_int": 3})
    ('as_int', 3)
    """
    ((kind, value),) = union.items()
    return kind, value


def _node(one: dict[str, Any]) -> Node:
    target = one["target"]
    known = OPERATORS.fullmatch(target)
    if (known and DENIED.fullmatch(known[2])) or (not known and not NUMBERS.fullmatch(target)):
        more = "; run program.run_decompositions() before it is saved" if "higher_order" in target else ""
        raise RefusedError(f"has the operator {target!r:.80}, which is not run{more}")
    arguments = tuple((str(i["name"]), _argument(target, i["name"], i["arg"])) for i in one["inputs"])
    return Node(target, arguments, tuple(_made(target, out) for out in one["outputs"]))


def _made(target: str, out: dict[str, Any]) -> Any:
    kind, value = only(out)
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return str(value["name"])
    if kind == "as_tensors":
        return tuple(str(v["name"]) for v in value)
    if kind in ("as_sym_int", "as_sym_bool", "as_sym_float"):
        return str(value["as_name"])
    raise RefusedError(f"has {target!r:.80} give {kind!r:.40}, which is not read")


def _argument(target: str, name: str, arg: dict[str, Any]) -> Any:
    """What an operator is given."""
    kind, value = only(arg)
    if kind == "as_string" and name not in TEXTS:
        raise RefusedError(f"gives {target!r:.80} a text, {name} {value!r:.60}, which is not run")
    if kind in READ:
        return READ[kind](value)
    raise RefusedError(f"gives {target!r:.80} its {name!r:.30} {kind!r:.40}, which is not read")


def _number(value: Any) -> Any:
    """An integer, number or truth as JSON has it; infinities are texts."""
    if isinstance(value, str):
        return float(value)
    if not isinstance(value, int | float):
        raise TypeError(value)
    return value


def _symbol(value: dict[str, Any]) -> Any:
    """A size, computed or written down."""
    kind, inner = only(value)
    return Ref(str(inner)) if kind == "as_name" else _number(inner)


def _optional(value: dict[str, Any]) -> Ref | None:
    return Ref(str(value["as_tensor"]["name"])) if "as_tensor" in value else None


def _all(one: Any) -> Any:
    return lambda values: tuple(one(v) for v in values)


def _device(value: dict[str, Any]) -> Said:
    return Said("device", "cpu" if value["type"] != "meta" else "meta")


READ = {
    "as_none": lambda _: None,
    "as_tensor": lambda v: Ref(str(v["name"])),
    "as_tensors": _all(lambda v: Ref(str(v["name"]))),
    "as_optional_tensor": _optional,
    "as_optional_tensors": _all(_optional),
    "as_int": _number, "as_float": _number, "as_bool": _number,
    "as_ints": _all(_number), "as_floats": _all(_number), "as_bools": _all(_number),
    "as_sym_int": _symbol, "as_sym_float": _symbol, "as_sym_bool": _symbol,
    "as_sym_ints": _all(_symbol), "as_sym_floats": _all(_symbol), "as_sym_bools": _all(_symbol),
    "as_scalar_type": lambda v: Said("dtype", TYPES[v][0]),
    "as_memory_format": lambda v: Said("memory_format", FORMATS[v]),
    "as_layout": lambda v: Said("layout", {7: "strided"}[v]),
    "as_device": _device,
    "as_string": str,
}  # fmt: skip
