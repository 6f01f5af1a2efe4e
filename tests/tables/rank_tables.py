"""The table of docs/benchmarks.md that follows from rows: how well the estimate ranks a heatmap's cells."""

from collections.abc import Callable

from resq.measure.analysis import layer_heatmap

RANKED = ("cifar10/resnet18/base", "gtsrb/resnet18/base", "signs/resnet20/base")


def ranks() -> list[str]:
    """One line per shipped heatmap that the benchmark looks at: what it rests on, the rank correlation."""
    heads = "| network, words | images, fault maps a cell, seed | cells | rank correlation, 95 % |"
    return [heads, "|---" * 4 + "|", *map(_line, RANKED)]


def _line(name: str) -> str:
    rows = layer_heatmap.shipped()
    own = rows[(rows["checkpoint"] == name) & (rows["encoding"] == "int8")]
    both = [layer_heatmap.cells(own, kind) for kind in ("measured", "instant")]
    rho, first = layer_heatmap.agreement(*both), both[0].iloc[0]
    rests = f"{first['n']:,}, {both[0]['maps'].max()}, {first['seed']}"
    span = f"{rho.rho:.3f} ({rho.low:.3f} to {rho.high:.3f})"
    return f"| `{name}`, `int8` | {rests} | {rho.used} of {rho.of} | {span} |"


TABLES: dict[str, Callable[[], list[str]]] = {"ranks": ranks}
