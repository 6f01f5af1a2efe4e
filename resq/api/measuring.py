"""Sweeps, attacks and heatmaps of anything: arguments -> a spec -> rows, the same as the command's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from tqdm import tqdm

from resq.api import arguments, asked, kinds
from resq.api.kinds import Model
from resq.api.results import Heatmap, Result
from resq.core import Encoding
from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.run import bf16_check
from resq.measure.run import sensitivity as layers_run
from resq.measure.run import sweep as sweep_run
from resq.measure.run.deployed import file_cells
from resq.measure.specs.sweep_spec import SweepSpec
from resq.platform import devices

BERS = (0.0, 1e-4, 1e-3, 1e-2)
BUDGETS = (0.0, 2.0, 4.0, 8.0)
Numbers = float | Sequence[float]


@torch.inference_mode(mode=False)
def sweep(
    model: Model,
    images: Any = None,
    labels: Any = None,
    *,
    encoding: str | Encoding = "",
    ber: Numbers = (),
    maps: int = 10,
    fault: str = "random",
    layers: str | Sequence[str] = (),
    planes: int | Sequence[int] = (),
    targets: str = "",
    eps: Numbers = (),
    attack: str = "pgd",
    steps: int = 20,
    restarts: int = 1,
    mode: str | Sequence[str] = (),
    sample: str = "first",
    top: float = 0.0,
    precision: str = "fp32",
    n: int | None = None,
    seed: int = 0,
    inputs: str = "",
    weights: str | Sequence[str] = (),
    device: str = "cpu",
    progress: bool = True,
) -> Result:
    """Accuracy under bit flips, under attack, or both: the rows that ``python -m resq sweep`` measures.

    Args:
        model: a checkpoint's name, a deployed file, what ``resq.load`` gave, or any ``nn.Module`` that takes
            images in [0, 1] and gives logits (N, classes). It is copied and never written.
        images: as for ``resq.load_images``; default: the test images of the checkpoint's data set.
        labels: of arrays and tensors.
        encoding: how weights are stored, such as int8 or int4-tmr2; default: as the checkpoint's card says. A
            deployed file's own words flip, or lie in another memory, such as int8-symmetric-secded.
        ber: bit error rates, probabilities per stored bit; default 0, 1e-4, 1e-3 and 1e-2.
        maps: fault maps, each nested over all rates.
        fault: a fault model of ``resq.FAULTS``, or activations.
        layers: where bits may flip, names or patterns such as ``layer1.*``; empty: everywhere.
        planes: which bits of a word may flip; empty: all.
        targets: what is struck: weights, floats (what is stored beside them) or all; of a deployed file also
            others, as for ``resq.load``. Default: weights, or those that it was opened with.
        eps: budgets of an attack in 1/255 of the pixel range.
        attack: a name of ``resq.ATTACKS``.
        steps: of PGD.
        restarts: of PGD, worst case per image.
        mode: how faults and attack meet: "transfer", examples made on the fault-free network; "adaptive", on
            every faulty one; empty: they are measured apart.
        sample: "first", the first n images, or "random", for every map n of all that are given, drawn anew.
        top: the rate that maps are drawn at; default: the largest.
        precision: fp32, or bf16 where it agrees with fp32 on the first maps.
        n: so many images; default: all given, 1,000 of a data set or all where it has fewer.
        seed: decides maps and random starts.
        inputs: of a deployed file, what it does not say of its input; default: as it was opened.
        weights: of a module, which parameters are stored as words; default: all that are weights.
        device: where the network computes: cpu, cuda, cuda:1, or auto. Flips are the same on all of them. A
            file's runtime computes on the processor alone.
        progress: whether a bar is shown where it takes more than a second.

    Raises:
        ValueError: something that cannot be measured, or that is said of bit flips or an attack where there
            are none; the sentence says what came and what was expected.
        FileNotFoundError: the images are not on this machine.

    Examples:
        >>> result = sweep("signs/resnet20/base", ber=[0, 1e-2], maps=2, n=100, seed=7)
        >>> len(result.rows), result.command
        (3, 'python -m resq sweep signs/resnet20/base --ber 0,0.01 --maps 2 --n 100 --seed 7')
    """
    checkpoint, name, count, how, of_file = asked.spec_fields(
        model, images, labels, n, weights, encoding, inputs, targets, sample
    )
    rates, budgets = arguments.floats("ber", ber), arguments.floats("eps", eps)
    spec = SweepSpec(
        checkpoint, name, how, fault, arguments.names("layers", layers), arguments.wholes("planes", planes),
        rates or BERS[: 0 if budgets else None], arguments.whole("maps", maps), attack, budgets,
        arguments.whole("steps", steps), arguments.whole("restarts", restarts),
        arguments.names("mode", mode), count, arguments.whole("seed", seed), sample,
        arguments.number("top", top), precision, **of_file,
    )  # fmt: skip
    asked.refuse_unused(spec, targets)
    measurer, note = sweep_run.Measurer(devices.chosen(device)), ""
    if spec.precision != "fp32":
        spec, note = bf16_check.choose_precision(spec, measurer.row)
    rows = map(measurer.row, spec.cells())
    return Result(spec, list(_shown(rows, spec.total, checkpoint, progress)), note, device)


def attack(
    model: Model, images: Any = None, labels: Any = None, *, eps: Numbers = BUDGETS, attack: str = "pgd",
    **options: Any,
) -> Result:  # fmt: skip
    """Accuracy under an attack over its budgets; a ``resq.sweep`` without bit flips.

    Args:
        model: as for ``resq.sweep``.
        images: as for ``resq.sweep``.
        labels: as for ``resq.sweep``.
        eps: budgets in 1/255 of the pixel range.
        attack: a name of ``resq.ATTACKS``.
        **options: others of ``resq.sweep``, such as ``steps``, ``restarts``, ``encoding``, ``seed``.

    Raises:
        ValueError, FileNotFoundError: as ``resq.sweep`` says; or bit flips are asked for.

    Examples:
        >>> float(attack("signs/resnet20/base", eps=8, attack="fgsm", n=50).curve["mean"].iloc[0]) < 0.9
        True
    """
    if "ber" in options or "mode" in options:
        raise ResqError("an attack has no ber and no mode; resq.sweep measures bit flips and attacks at once")
    if not arguments.floats("eps", eps):
        raise ResqError("an attack has one budget eps or more, in 1/255 of the pixel range, got none")
    return sweep(model, images, labels, eps=eps, attack=attack, **options)


@torch.inference_mode(mode=False)
def sensitivity(
    model: Model,
    images: Any = None,
    labels: Any = None,
    *,
    encoding: str | Encoding = "",
    measured: bool = False,
    metric: str = "loss",
    maps: int = 5,
    share: float = 0.01,
    n: int | None = None,
    seed: int = 0,
    targets: str = "",
    inputs: str = "",
    weights: str | Sequence[str] = (),
    device: str = "cpu",
    progress: bool = True,
) -> Heatmap:
    """What a flipped bit adds to the loss, layer by layer and bit by bit: ``python -m resq sensitivity``.

    Of words that are copied or checked it is the share in what several flips of a cell do together, as one
    that is alone is undone: no figure of a bit error rate, which ``resq.sweep`` measures.

    Args:
        model: as for ``resq.sweep``.
        images: as for ``resq.sweep``.
        labels: as for ``resq.sweep``.
        encoding: how weights are stored; default: as the checkpoint's card says. A file's flip as stored.
        measured: also flip bits and measure, cell by cell, for minutes; else estimated from gradients. Of a
            deployed file, whose runtime gives no gradients, it is always measured.
        metric: "loss", or "pvf", the share of answers that a single flip changes; of a file the loss alone.
        maps: fault maps, or single flips, of a measured cell.
        share: of a cell's bits that flip together.
        n: so many images; default: 256, or all where fewer are given.
        seed: decides maps and random signs.
        targets: of a deployed file, whose bits flip; default: weights, or those that it was opened with.
        inputs: of a deployed file, what it does not say of its input; default: as it was opened.
        weights: of a module, which parameters are stored as words; default: all that are weights.
        device: where the network computes: cpu, cuda, cuda:1, or auto; of a file the processor alone.
        progress: whether a bar is shown where it takes more than a second.

    Raises:
        ValueError, FileNotFoundError: as ``resq.sweep`` says.

    Examples:
        >>> len(sensitivity("signs/resnet20/base", n=32).cells)
        160
    """
    checkpoint, name, count, how, of_file = asked.spec_fields(
        model, images, labels, n, weights, encoding, inputs, targets
    )
    count = min(count, 256) if n is None else count
    maps = arguments.whole("maps", maps, 1 if measured or metric == "pvf" else 0)
    share, seed = arguments.number("share", share), arguments.whole("seed", seed)
    if deployed.is_file(checkpoint):
        asked.check_mapped(checkpoint, metric, how, device)
        whole = file_cells.FileLayers(checkpoint, name, maps, share, count, seed, **of_file)
        rows = [
            row for row in _shown(file_cells.run(whole), None, checkpoint, progress) if "total" not in row
        ]
        return Heatmap(rows)
    kinds.refuse_others(model, targets=targets, inputs=inputs)
    asked.refuse_unmeasured(measured or metric == "pvf", maps=maps, share=share)
    spec = LayerSpec(
        checkpoint, name, how, maps if measured or metric == "pvf" else 0, share, count, seed, metric
    )
    with torch.inference_mode(mode=False), torch.enable_grad():  # gradients are its own affair
        cells = layers_run.run(spec, devices.chosen(device))
        return Heatmap(list(_shown(cells, spec.total, checkpoint, progress)), spec, device)


def _shown(
    rows: Iterable[Mapping[str, Any]], total: int | None, what: str, progress: bool
) -> Iterator[Mapping[str, Any]]:
    """The rows, with a bar on standard error where they take long."""
    yield from tqdm(rows, total=total, desc=what, unit="row", leave=False, delay=1, disable=not progress)
