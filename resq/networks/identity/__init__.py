"""What a network is, in a digest, and whether a copy of it computes without the one that it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MethodType
from typing import Any

from torch import Tensor, nn

from resq.networks.identity import code_text
from resq.networks.identity.fingerprint import Fingerprint

HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
HOW = ("_with_kwargs", "_always_called")
# What else every module has beside parameters, buffers and modules: nothing that its answers follow from.
INNER = {
    *HOOKS, "training", "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set",
    "_is_full_backward_hook", "_forward_hooks_with_kwargs", "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs", "_state_dict_hooks", "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
}  # fmt: skip


class Gathered(Fingerprint):
    """What a network is: all that it is made of."""

    def network(self, network: nn.Module) -> None:
        """Adds a module with all below it: classes, attributes, hooks, numbers."""
        modules = dict(network.named_modules())
        self.owners.append(modules)
        self.paths.update({id(module): f"module {path}" for path, module in modules.items()})
        for path, module in modules.items():
            self.say(path)
            self._module(module)
        for name, value in (*network.named_parameters(), *network.named_buffers()):
            self.say(name)
            self.numbers(value)
        every = (network.named_parameters, network.named_buffers)
        known = {name for named in every for name, _ in named(remove_duplicate=False)}
        for name, value in network.state_dict().items():
            if name not in known:  # such as the packed weights of a quantized layer
                self.say(name)
                self.value(value)

    def _module(self, module: nn.Module) -> None:
        self.value(type(module))
        compiler = type(module).__module__.startswith("torch._")  # what wraps a compiled one, its caches
        for name in () if compiler else sorted(vars(module).keys() - INNER):
            if name.startswith("__"):  # what a compiler notes
                continue
            self.say(name)
            self.value(vars(module)[name])
        for name in HOOKS:
            for number, hook in (vars(module).get(name) or {}).items():
                self.say(name, *(how for how in HOW if number in vars(module).get(name + how, ())))
                self.value(hook)


def digest(network: nn.Module, weights: Sequence[str] = ()) -> str:
    """SHA-256 over what the network is: modules, their attributes, hooks and code, its numbers.

    Code is that of all classes, functions and closures that are no library's, as the running Python compiles
    it; attributes are numbers, texts, arrays and what is made of them. Whether it is in training mode is not
    among them. The same code and numbers give the same digest in every process of one version of Python.

    Args:
        weights: which of its parameters are stored as words.
    """
    gathered = Gathered()
    gathered.say(*weights)
    gathered.network(network)
    return gathered.hexdigest()


def shared(own: nn.Module, original: nn.Module) -> str:
    """Where a copy's hooks or attributes hold functions that still call the original; "" where none does.

    Python copies no function: one that closes over a module, or names a global one, means that very module.
    """
    theirs = {id(part) for part in (*original.modules(), *original.parameters(), *original.buffers())}
    for path, module in own.named_modules():
        for name, value in vars(module).items():
            if name in INNER and name not in HOOKS:
                continue
            if any(id(part) in theirs for part in _reached(value, set())):
                return f"{path}.{name}".removeprefix(".")
    return ""


def _reached(value: Any, seen: set[int]) -> Iterator[Any]:
    """Modules and tensors that a value leads to through functions, containers and bound methods."""
    if isinstance(value, nn.Module | Tensor):
        yield value
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    for part in _parts(value):
        yield from _reached(part, seen)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    function = code_text.plain_function(value)
    own = [value.__self__] if isinstance(value, MethodType) else []
    return own + ([part for _, part in code_text.surroundings(function)] if function is not None else [])
