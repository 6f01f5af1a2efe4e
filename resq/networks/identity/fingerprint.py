"""A digest over values and code that is the same in every process: no address and no count in it."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Mapping
from functools import cached_property, partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from resq.networks.identity import code_text

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), slice, range)
PRINTED = (torch.dtype, torch.device, torch.memory_format, torch.layout)
# Objects of libraries that hold what somebody chose; of others, such as handles, the class is enough.
SETTINGS = ("types", "argparse", "torch.nn.utils", "transformers", "timm")


class Fingerprint:
    """What values and code are, gathered part by part; ``hexdigest`` is their SHA-256.

    Args:
        within: the one whose part this is: what it has met is not looked at again.
    """

    def __init__(self, within: Fingerprint | None = None) -> None:
        self._sha = hashlib.sha256()
        self.paths: dict[int, str] = within.paths if within else {}  # of modules, by id
        self._done: dict[int, str] = within._done if within else {}  # "": looked at just now
        self.owners: list[Any] = within.owners if within else []  # so that no other value gets their ids

    def hexdigest(self) -> str:
        """64 hex digits."""
        return self._sha.hexdigest()

    def say(self, *parts: str | bytes) -> None:
        """Adds texts, each with its length before it."""
        for part in parts:
            raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            self._sha.update(len(raw).to_bytes(8, "little") + raw)

    def network(self, network: nn.Module) -> None:
        """Adds a module with all below it; how is said by who knows modules."""
        raise NotImplementedError

    def value(self, value: Any) -> None:
        """Adds any value; of what is known neither by numbers nor by code, only its class."""
        if isinstance(value, np.ndarray | np.generic | Tensor):
            self.numbers(value)
        elif isinstance(value, PLAIN + PRINTED):
            self.say(type(value).__name__, repr(value))
        elif isinstance(value, weakref.ref | weakref.ProxyType | weakref.CallableProxyType):
            self.say("reference")
        elif isinstance(value, ModuleType):
            self.say(value.__name__)
        elif id(value) in self.paths:
            self.say(self.paths[id(value)])
        else:
            self.say(self._part(value))

    def _part(self, value: Any) -> str:
        """The digest of something made of parts, by what it holds and not by who else has it."""
        if id(value) not in self._done:
            self._done[id(value)] = ""
            self.owners.append(value)
            part = type(self)(self)
            part.network(value) if isinstance(value, nn.Module) else part._compound(value)
            self._done[id(value)] = part.hexdigest()
        return self._done[id(value)]

    def numbers(self, value: np.ndarray | np.generic | Tensor) -> None:
        """Adds an array or a tensor: type, shape and bytes, also of quantized and sparse ones."""
        if isinstance(value, Tensor):
            self.say(str(value.dtype).removeprefix("torch."), str(tuple(value.shape)))
            if not value.is_meta:  # which has a shape alone
                value = value.detach().cpu()
                value = value.dequantize() if value.is_quantized else value
                flat = (value if value.layout == torch.strided else value.to_dense()).contiguous()
                self._sha.update(flat.reshape(-1).view(torch.uint8).numpy().data)
            return
        self.say(str(value.dtype), str(value.shape))
        if value.dtype.hasobject:
            self.value(value.tolist())
        else:
            self.say(value.tobytes())

    def _compound(self, value: Any) -> None:
        self.say(type(value).__name__)
        if isinstance(value, type):
            self._class(value)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                self.value(key)
                self.value(item)
        elif isinstance(value, list | tuple):
            for item in value:
                self.value(item)
        elif isinstance(value, set | frozenset):
            self.say(*sorted(map(self._alone, value)))
        elif isinstance(value, FunctionType):
            self._function(value)
        else:
            self._object(value)

    def _alone(self, value: Any) -> str:
        one = type(self)()
        one.value(value)
        return one.hexdigest()

    def _function(self, function: FunctionType) -> None:
        module = code_text.module_of(function)
        if code_text.library(module):
            self.say(f"{module}.{function.__code__.co_qualname}")
        else:
            for part in code_text.compiled(function.__code__):
                self.say(part) if isinstance(part, str | bytes) else self.value(part)
        for name, value in code_text.surroundings(function):
            self.say(name)
            self.value(value)

    def _class(self, kind: type) -> None:
        """The code and the values of a class and of all that it inherits from, of a library's their names."""
        self.say(kind.__qualname__)
        if code_text.library(kind.__module__):
            self._replaced(kind)
        else:
            for name in sorted(vars(kind)):
                if _decides(name, vars(kind)[name]):
                    self.say(name)
                    self.value(vars(kind)[name])
        for base in kind.__bases__:
            self.value(base)

    def _replaced(self, kind: type) -> None:
        """A forward of a person's own that was set on a library's class."""
        forward = code_text.plain_function(vars(kind).get("forward"))
        if forward is None:
            return
        if not all(map(code_text.library, (forward.__module__, code_text.module_of(forward)))):
            self.value(forward)

    def _object(self, value: Any) -> None:
        kind = type(value)
        if isinstance(value, partial):
            self.value((value.func, value.args, value.keywords))
        elif isinstance(value, MethodType):
            self.value((value.__func__, value.__self__))
        elif isinstance(value, staticmethod | classmethod):
            self.value(value.__func__)
        elif isinstance(value, cached_property):
            self.value(value.func)
        elif isinstance(value, property):
            self.value((value.fget, value.fset))
        elif hasattr(value, "__qualname__"):  # a function of a library that is not written in Python
            self.say(f"{getattr(value, '__module__', '')}.{value.__qualname__}")
            self.value(getattr(value, "__wrapped__", None))
        elif not code_text.library(kind.__module__):
            self.value(kind)
            self._attributes(value)
        elif kind.__module__.startswith(SETTINGS):
            self.say(kind.__qualname__)
            self._attributes(value)
        else:
            self.say(kind.__qualname__)

    def _attributes(self, value: Any) -> None:
        slots = [s for kind in type(value).__mro__ for s in _several(vars(kind).get("__slots__", ()))]
        for name in sorted({*getattr(value, "__dict__", {}), *slots} - {"__dict__", "__weakref__"}):
            if hasattr(value, name):
                self.say(name)
                self.value(getattr(value, name))


def _several(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _decides(name: str, member: Any) -> bool:
    """Whether something in a class has a say in what it computes; what Python notes there has none."""
    if not name.startswith("__"):
        return name != "_abc_impl"
    return not name.startswith("__annotate") and isinstance(
        member, FunctionType | staticmethod | classmethod | property
    )
