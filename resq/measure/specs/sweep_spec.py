"""What decides the numbers of a sweep: one frozen value, self-checking, that a command line can spell."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from dataclasses import fields as fields_of
from functools import cached_property
from itertools import product
from pathlib import Path

from resq import checkpoints
from resq.core import Encoding, commands, lookup, validation
from resq.core.encoding import of_floats
from resq.core.errors import ResqError
from resq.deployed import guarded, words
from resq.deployed import network as deployed
from resq.deployed.pixels import Asked
from resq.measure.specs.cells import ACTIVATIONS, MODES, PRECISIONS, SAMPLES, TARGETS, Cell
from resq.memory import faults

__all__ = ["ATTACKS", "MODES", "SweepSpec", "read"]

# Attack -> the steps that it takes; 0: as many as the spec says. Spelling a spec needs no torch.
# Of the Square attack these are its queries.
ATTACKS = {"fgsm": 1, "pgd": 0, "apgd": 100, "square": 5000, "autoattack": 100}
# Of a deployed file: examples made on its differentiable twin, which meet the runtime.
TWIN = "twin-"
ON_TWIN = {f"{TWIN}{name}": ATTACKS[name] for name in ("fgsm", "pgd", "apgd")}
OF_FILES = {"square": ATTACKS["square"], **ON_TWIN}


AS_STORED = "as stored"  # the encoding of a deployed file: its own words


def fault_models() -> tuple[str, ...]:
    """Those of stored weights, a plugin's too, and bits of 8-bit activations, drawn anew for every image."""
    return (*faults.FAULTS, ACTIVATIONS)


def attacks() -> dict[str, int]:
    """Attack -> the steps that it takes, see ``ATTACKS``; one that a plugin listed counts as one step.

    Who lists one has loaded the module that lists them; spelling a spec loads none.
    """
    listed = getattr(sys.modules.get("resq.attacks.gradient"), "ATTACKS", {})
    return ATTACKS | dict.fromkeys(sorted(listed.keys() - ATTACKS), 1)


@dataclass(frozen=True)
class SweepSpec:
    """One network against bit error rates and attack budgets, each apart or, with ``modes``, both at once.

    Attributes:
        checkpoint: name or path; ``data`` is the data set it was trained on unless another is named.
        layers, planes: where bits may flip; empty means everywhere.
        bers: bit error rates, probabilities per stored bit.
        maps: fault maps, each nested over all rates.
        eps: attack budgets in 1/255 of the pixel range.
        steps, restarts: of PGD; the other attacks have their own.
        modes: how faults and attack meet: "transfer", examples made on the fault-free network; "adaptive",
            made on every faulty one. None: they do not, and the two are measured apart.
        n: test images: the first n, or as ``sample`` says.
        seed: decides fault maps, random starts and random images, and nothing else.
        sample: "first", the first n images; "random", every map its own n of them.
        top: the rate that maps are drawn at; 0 means the largest of ``bers``. Sweeps that name the same one
            share maps.
        precision: of forward passes under faults alone: "fp32", or "bf16", about twice as fast on a processor
            that computes with it; see ``bf16_check.choose_precision``.
        targets: what is struck: "weights", their words; "floats", the scales, zero points, norms and biases
            beside them; or "all". Both are struck at the same rate, and the words of a map flip alike with
            "weights" and "all". Of a deployed file also "biases", "scales" and "norms".
        inputs: of a deployed file, what it does not say of its input itself, as ``Asked`` spells it.
    """

    checkpoint: str
    data: str = ""
    encoding: str = "int8"
    fault: str = "random"
    layers: tuple[str, ...] = ()
    planes: tuple[int, ...] = ()
    bers: tuple[float, ...] = ()
    maps: int = 10
    attack: str = "pgd"
    eps: tuple[float, ...] = ()
    steps: int = 20
    restarts: int = 1
    modes: tuple[str, ...] = ()
    n: int = 1000
    seed: int = 0
    sample: str = "first"
    top: float = 0.0
    precision: str = "fp32"
    targets: str = "weights"
    inputs: str = ""

    def __post_init__(self) -> None:
        validation.check_types(self, "sweep")
        self._check_deployed()
        lookup("fault model", self.fault, dict.fromkeys(fault_models()))
        if self.fault == ACTIVATIONS and (self.layers or self.planes or self.modes):
            regions = ", ".join(map(str, (*self.layers, *self.planes, *self.modes)))
            raise ResqError(f"{ACTIVATIONS} flip anywhere and meet no attack, got {regions}")
        lookup("attack", self.attack, self._attacks)
        lookup("sample", self.sample, dict.fromkeys(SAMPLES))
        lookup("precision", self.precision, dict.fromkeys(PRECISIONS))
        self._check_precision()
        for name in self.layers:
            if not name or name != name.strip() or "," in name:
                raise ResqError(f"a layer's name has no comma and no blank at its ends, got {name!r}")
        for mode in self.modes:
            lookup("mode", mode, dict.fromkeys(MODES))
        for ber in (*self.bers, self.top):
            faults.check_rate(ber)
        faults.drawn_at(self.top, max(self.bers, default=0.0))
        for eps in self.eps:
            if not 0 <= eps <= 255:
                raise ResqError(f"eps is given in 1/255 and must lie in 0..255, got {eps:g}")
        for name in ("maps", "steps", "restarts", "n"):
            if getattr(self, name) < 1:
                raise ResqError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.modes and not (self.bers and self.eps):
            raise ResqError(
                f"both at once need rates and budgets, got {self.bers or 'no BER'} and {self.eps or 'no eps'}"
            )
        if not 0 <= self.seed < 2**63:
            raise ResqError(f"seed must lie in 0..2**63-1, got {self.seed}")
        # Order and repetition do not change what is measured, so they do not change the spec.
        object.__setattr__(self, "bers", tuple(sorted(set(map(float, self.bers)))))
        object.__setattr__(self, "eps", tuple(sorted(set(map(float, self.eps)))))
        object.__setattr__(self, "planes", tuple(sorted(set(self.planes))))
        object.__setattr__(self, "modes", tuple(m for m in MODES if m in self.modes))

    def _check_deployed(self) -> None:
        """Of a deployed file: its own encoding, a data set by name, and attacks that a file can be given."""
        if not deployed.is_file(self.checkpoint):
            Encoding.parse(self.encoding)
            lookup("target", self.targets, dict.fromkeys(TARGETS))
            self._check_targets()
            self._check_planes()
            if self.inputs:
                raise ResqError(f"inputs are those of a deployed file, got {self.inputs}")
            return
        words.kinds(self.targets)
        object.__setattr__(self, "inputs", str(Asked.parse(self.inputs)))
        self._check_guarded()
        if not self.data:
            name = Path(self.checkpoint).name
            raise ResqError(f"{name} does not say which images it is for; say --data, such as cifar10")
        if self.eps and f"{TWIN}{self.attack}" in ON_TWIN:
            # a runtime gives no gradients, so the row says whose they are
            object.__setattr__(self, "attack", f"{TWIN}{self.attack}")
        if self.precision != "fp32" or self.fault == ACTIVATIONS:
            raise ResqError(
                "a deployed file is run as it is: no precision or activations can be chosen, "
                f"got {self.precision}, {self.fault}"
            )

    def _check_guarded(self) -> None:
        """Of a deployed file whose words lie in another memory: what can be measured of it."""
        if self.encoding in (SweepSpec.encoding, AS_STORED):
            object.__setattr__(self, "encoding", AS_STORED)
            return
        how = Encoding.parse(self.encoding)
        guarded.check(how)
        self._check_planes()
        object.__setattr__(self, "encoding", str(how))
        if self.targets != "weights" or self.eps:
            raise ResqError(
                f"words that lie in {how} are those of a file's weights under faults alone, "
                f"got targets {self.targets!r} and eps {', '.join(f'{e:g}' for e in self.eps) or 'none'}"
            )

    @property
    def _attacks(self) -> dict[str, int]:
        """Those that can be chosen; of a file that is not attacked, the default may stand."""
        if not deployed.is_file(self.checkpoint):
            return attacks()
        return OF_FILES if self.eps else {**attacks(), **OF_FILES}

    def _check_targets(self) -> None:
        other = (*self.layers, *self.planes, *[self.fault] * (self.fault == ACTIVATIONS),
                 *[self.precision] * (self.precision != "fp32"))  # fmt: skip
        if self.targets != "weights" and other:
            raise ResqError(
                f"targets {self.targets!r} are all that is stored, in fp32 passes, without chosen layers or "
                f"planes, got {', '.join(map(str, other))}"
            )

    def _check_planes(self) -> None:
        """Bit planes are those of the weights' words, not of check words, which may be longer."""
        length = Encoding.parse(self.encoding).word_bits
        if outside := [p for p in self.planes if not 0 <= p < length]:
            raise ResqError(f"bit planes must lie in 0..{length - 1}, got {outside[0]} for {self.encoding}")

    def _check_precision(self) -> None:
        integers = not of_floats(self.encoding) and self.fault != ACTIVATIONS
        if self.precision != "fp32" and (self.modes or not integers):
            raise ResqError(
                f"{self.precision} passes are for faults in integer words without an attack, "
                f"got {', '.join((self.encoding, self.fault, *self.modes))}"
            )

    @property
    def dataset(self) -> str:
        """The data set: the one named, else the one that the checkpoint was trained on."""
        if self.data or not self.checkpoint.endswith(".safetensors"):
            return self.data or self.checkpoint.split("/")[0]
        return str(checkpoints.card(self.checkpoint)["data"])

    @property
    def region(self) -> str:
        """Where bits may flip, in words for a table."""
        return Cell("", "", "", layers=self.layers, planes=self.planes, targets=self.targets).region

    @property
    def drawn_at(self) -> float:
        """The rate at which its maps are drawn."""
        return self.top or max(self.bers, default=0.0)

    @cached_property
    def total(self) -> int:
        """How many rows the sweep has."""
        return sum(1 for _ in self.cells())

    def cells(self) -> Iterator[Cell]:
        """What is measured, row by row: map after map, each at all rates, so a part shows whole curves."""
        own = {**attacks(), **ON_TWIN}[self.attack]
        steps, restarts = (own, 1) if own else (self.steps, self.restarts)
        bare = Cell(
            self.checkpoint, self.dataset, self.encoding, seed=self.seed, n=self.n, inputs=self.inputs
        )
        attacked = [
            replace(bare, attack=self.attack, steps=steps, restarts=restarts, eps=eps) for eps in self.eps
        ]
        if not self.modes:
            yield from self._faulty(bare)
            yield from attacked
            return
        for cell, threat, mode in product(self._faulty(bare), attacked, self.modes):
            at = {name: getattr(threat, name) for name in ("attack", "steps", "restarts", "eps")}
            yield replace(cell, **at, mode=mode)

    def _faulty(self, bare: Cell) -> Iterator[Cell]:
        faulty = replace(bare, fault=self.fault, layers=self.layers, planes=self.planes, sample=self.sample,
                         precision="fp32" if self.modes else self.precision,
                         targets=self.targets)  # fmt: skip
        for number, ber in product(range(self.maps), self.bers):
            if ber:
                yield replace(faulty, map=number, ber=ber, top=self.drawn_at)
            elif not number or self.sample == "random":  # without flips, maps differ in nothing else
                yield replace(faulty, map=number)

    @cached_property
    def hash(self) -> str:
        """16 hex digits that change with any field."""
        fields = asdict(self)
        for name in ("targets", "inputs"):
            if fields[name] == getattr(SweepSpec, name):
                del fields[name]  # what was asked for before there were others keeps its hash
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that run this sweep; defaults are left out.

        The encoding is left out where it is int8 and the checkpoint's own.
        """
        arguments = ["sweep", self.checkpoint]
        for field in fields_of(self)[1:]:
            value = getattr(self, field.name)
            if field.name == "inputs":
                parts = value.split()
                arguments += [
                    f"--{name}={option}" for name, option in zip(parts[::2], parts[1::2], strict=True)
                ]
            elif value == AS_STORED:
                continue
            elif value != field.default or (field.name == "encoding" and opened_in(self.checkpoint) != value):
                text = commands.listed(value if isinstance(value, tuple) else (value,))
                arguments += [f"--{_FLAGS.get(field.name, field.name)}", text]
        return arguments

    @property
    def command(self) -> str:
        """What runs this sweep in a terminal."""
        return commands.line(self.argv())


def once(specs: Iterable[SweepSpec]) -> Iterator[tuple[SweepSpec, list[Cell]]]:
    """Each sweep with those of its cells that no sweep before it has.

    Sweeps that differ in the attack alone share their cells of faults: counted twice, these would seem to be
    twice as many maps.
    """
    seen: set[Cell] = set()
    for spec in specs:
        fresh = [cell for cell in spec.cells() if cell not in seen]
        seen.update(fresh)
        yield spec, fresh


def opened_in(checkpoint: str) -> str:
    """The encoding that a command takes where none is named; int8 where there is no such checkpoint."""
    try:
        return checkpoints.default_encoding(checkpoint)
    except ValueError:
        return "int8"


_FLAGS = {"bers": "ber", "modes": "mode"}
_LISTS = {"layers", "planes", "bers", "eps", "modes"}


def read(file: Path) -> list[SweepSpec]:
    """The sweeps of a TOML file: the fields of SweepSpec, several values meaning one sweep for each.

    Some of them may share cells; ``once`` gives each to one sweep alone.

    Raises:
        ValueError: not TOML, an unknown field, or a value out of range; the sentence names it.
    """
    entries, names = (
        validation.read_toml(file, "file of sweeps"),
        [field.name for field in fields_of(SweepSpec)],
    )
    validation.reject_unknown(entries, names, file.name, "a sweep")
    if "checkpoint" not in entries:
        raise ResqError(f"{file.name} names no checkpoint; a sweep has {', '.join(names)}")
    choices = []
    for name, value in entries.items():
        values = value if isinstance(value, list) else [value]
        choices.append([tuple(values)] if name in _LISTS else values)
    return [SweepSpec(**dict(zip(entries, values, strict=True))) for values in product(*choices)]
