"""Tables of docs/defences.md: what each way to store the weights keeps and costs, and what was searched."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from dashboard.model.storage import protection
from resq import checkpoints
from resq.measure.analysis import paired, stats
from resq.measure.engine import storage
from resq.measure.store import carry, table
from resq.protect import fulfilled, wording
from resq.protect.timing import times
from tests.tables import conditions

FAULTS = ("random", "layer-uniform")
PHOTOGRAPHS = [f"cifar10/resnet18/{name}" for name in ("base", "fault", "plus")]
FILE = "deployed/ic01_int8"
OF = {"signs/resnet20": "signs-resnet20", "cifar10/resnet18": "cifar10-resnet18", FILE: FILE}


def _json(of: str, end: str) -> list[dict[str, Any]]:
    file = table.SHIPPED / f"{OF[of]}-{end}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else []


def _cost(rows: pd.DataFrame, net: str) -> dict[str, float]:
    """Stored bits a weight of each encoding of these rows."""
    if net == FILE:
        return protection.file_costs(rows)
    limits = storage.limit_bits(str(checkpoints.card(net)["network"]))
    return protection.costs(sorted(set(rows["encoding"])), checkpoints.sizes(net), limits)


def plane(net: str) -> list[str]:
    """One line per way to store a network: bits a weight, accuracy by sampler and rate, times of a pass."""
    of = net if net == FILE else net.rpartition("/")[0]
    rows = carry.current(table.read(table.SHIPPED / f"{OF[of]}-guards.parquet"))
    rows = rows if net == FILE else rows[rows["checkpoint"] == net]
    if rows.empty:
        return ["| not measured |", "|---|"]
    cost, rates = _cost(rows, net), sorted(set(rows.loc[rows["ber"] > 0, "ber"]))
    curves = {f: stats.longest_series(stats.curve(rows[rows["fault"].isin(["none", f])])) for f in FAULTS}
    spent = next(iter(_json(of, "times")), {})  # of one network of the architecture
    each = {row["encoding"]: row for row in spent.get("rows", [])}
    heads = [f"{f}, {ber:g}" for f in FAULTS for ber in rates]
    heads = ["stored as", "bits a weight", "BER 0", *heads, *(f"time of {n}" for n in times.IMAGES)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    best = {(f, ber): _front(curves[f], cost, ber) for f in FAULTS for ber in rates}
    for name in sorted(cost, key=lambda name: (cost[name], name)):
        at = {f: curves[f][curves[f]["encoding"] == name].set_index("x") for f in FAULTS}
        cells = [_interval(at["random"].loc[0.0])]
        cells += [_marked(at[f].loc[ber], name in best[f, ber]) for f in FAULTS for ber in rates]
        row = each.get({"as stored": "int8-symmetric"}.get(name, name))
        told = [times.ratio(row, n) if row else None for n in times.IMAGES]
        cells += ["not measured" if value is None else f"x {value:.2f}" for value in told]
        lines.append(f"| {' | '.join([f'`{name}`', f'{cost[name]:.2f}', *cells])} |")
    return [*conditions.sentence(curves.values()), *lines]


NINE = ("int8-secded", "int8-secded0")  # the codes of nine bits a weight of the planes of photographs


def plane_gain(net: str, other: str) -> paired.Difference:
    """How much more accurate int4-tmr2 is than a code at 0.01 with independent bits; one of the table's."""
    rows = carry.current(table.read(table.SHIPPED / f"{OF['cifar10/resnet18']}-guards.parquet"))
    rows = rows[(rows["checkpoint"] == net) & (rows["fault"] == "random") & (rows["ber"] == 1e-2)]
    cells = (rows[rows["encoding"] == name] for name in ("int4-tmr2", other))
    return paired.difference(*cells, len(PHOTOGRAPHS) * len(NINE))


def plane_apart() -> list[str]:
    """One line per network: int4-tmr2 less the codes of nine bits, paired."""
    heads = " | ".join(f"less `{name}`, points" for name in NINE)
    gains = {net: [plane_gain(net, other) for other in NINE] for net in PHOTOGRAPHS}
    lines = [
        f"| `{net.split('/')[-1]}` | {' | '.join(map(_points, each))} | {each[0].how} |"
        for net, each in gains.items()
    ]
    return [
        "In points, 95 % over fault maps and images, the first 500 test images, seed 0; the intervals hold "
        "for "
        f"all {len(PHOTOGRAPHS) * len(NINE)} differences together.",
        "", f"| network | {heads} | how |", "|---" * (2 + len(NINE)) + "|", *lines,
    ]  # fmt: skip


def _points(gain: paired.Difference) -> str:
    return f"{100 * gain.mean:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})".replace("-", "−")


def _front(curve: pd.DataFrame, cost: dict[str, float], ber: float) -> set[str]:
    """Those at a rate that nothing beats in bits and in accuracy."""
    at = curve[curve["x"] == ber].assign(bits=lambda f: f["encoding"].map(cost), kept=lambda f: f["mean"])
    return set(protection.front(at)["encoding"])


def _marked(line: pd.Series, best: bool) -> str:
    return f"**{_interval(line)}**" if best else _interval(line)


def _interval(line: Mapping[str, Any] | pd.Series) -> str:
    return f"{100 * line['mean']:.1f} ({100 * line['low']:.1f} to {100 * line['high']:.1f})"


def searches(of: str) -> list[str]:
    """One line per shipped search: what was asked, stored and kept, differences; first what all have."""
    answers = _json(of, "protect")
    heads = [
        "network", "asked", "stored as", "bits a weight", "kept on held-out images x maps",
        "test images x maps", "accuracy %", "kept on test images",
        "less the best alike (its words and bits), points", "passes", "minutes",
    ]  # fmt: skip
    lines = [*searched_with(answers), "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for answer in answers:
        wanted, point = answer["wanted"], fulfilled.at_rate(answer)["chosen"]
        line = [
            f"`{answer['network'].removeprefix('cifar10/resnet18/')}`",
            fulfilled.question(answer).removesuffix(" a weight"),
            f"`{answer['encoding']}`", f"{answer['bits']:.2f}",
            f"{100 * answer['kept_held_out']:.1f} % on {wanted['n']} x {wanted['maps']}: "
            f"{fulfilled.held_out(answer)}",
            f"{point['n']} x {point['maps']}", _interval({**point, "mean": point["accuracy"]}),
            f"{100 * fulfilled.share(answer):.1f} % of {100 * answer['unprotected']['accuracy']:.1f}: "
            f"{fulfilled.on_test(answer)}",
            "; ".join(map(_less, answer["confirmed"])),
            f"{answer['passes']} of {answer['grid_passes']}",
            f"{answer['seconds'] / 60:.1f}" if answer.get("seconds") else "not noted",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(line)} |")
    return lines


def searched_with(answers: list[dict[str, Any]]) -> list[str]:
    """What the lines of a table of searches have in common, and how many keep what was asked for."""
    seeds = " and ".join(sorted({str(wording.seed(answer)) for answer in answers}))
    learned = " and ".join(dict.fromkeys(fulfilled.learned(answer) for answer in answers))
    decided = [[f(answer) for answer in answers] for f in (fulfilled.held_out, fulfilled.on_test)]
    counted = [
        ", ".join(f"{states.count(state)} {state}" for state in fulfilled.STATES if state in states)
        for states in decided
    ]
    return [
        f"Fault maps of all searches, on held-out and on test images: seed {seeds}. What is kept is a share "
        "of the accuracy of the network as it is stored, without faults, on the same images. On held-out "
        f"images it has no interval and is {learned}; on test images what was asked for is reached or missed "
        "where the whole interval of the accuracy lies on one side of it, else open. Of "
        f"{len(answers)} searches on held-out images {counted[0]}; on test images {counted[1]}.",
    ]


def _less(entry: dict[str, Any]) -> str:
    """The difference to the best way to store all layers alike at a rate, and what that way is."""
    points = _points(paired.Difference(**entry["difference"])).replace("−", "-")
    return f"{entry['ber']:g}: {points}, `{entry['rival']}` ({entry['rival_bits']:.2f})"


def spent(of: str) -> list[str]:
    """One line per way to store: seconds to decode all words once, and what that is of a pass."""
    lines = [*(_timed(told) for told in _json(of, "times")), ""]
    lines += ["| network | stored as | decoding, ms | pass of 1, ms | pass of 250, ms |", "|---" * 5 + "|"]
    for told in _json(of, "times"):
        for row in told["rows"]:
            decode = "not read in C" if row["decode"] is None else f"{1000 * row['decode']:.1f}"
            passes = [f"{1000 * row['pass_own'][str(n)]:.1f}" for n in times.IMAGES]
            line = [f"`{told['network']}`", f"`{row['encoding']}`", decode, *passes]
            lines.append(f"| {' | '.join(line)} |")
    return lines


def _timed(told: dict[str, Any]) -> str:
    """With what the times of a table were taken."""
    return (
        f"Measured with: {told['processor']}, {told['threads']} thread, the least of {told['times']} turns "
        "in one "
        f"run; `decoder.c` by {told['compiler']}; weights {told['weights'][:8]}."
    )


TABLES: dict[str, Callable[[], list[str]]] = {
    **{f"plane {net}": partial(plane, net) for net in (*PHOTOGRAPHS, FILE)},
    "plane apart": plane_apart,
    "searches": partial(searches, "signs/resnet20"),
    "searches cifar10/resnet18": partial(searches, "cifar10/resnet18"),
    f"searches {FILE}": partial(searches, FILE),
    "spent cifar10/resnet18": partial(spent, "cifar10/resnet18"),
    f"spent {FILE}": partial(spent, FILE),
}
