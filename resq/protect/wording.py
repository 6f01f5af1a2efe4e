"""The answer in words: a sentence, the comparison with what stores all layers alike, the report."""

from __future__ import annotations

from typing import Any

from resq.protect import fulfilled
from resq.protect.fulfilled import at_rate


def seed(answer: dict[str, Any]) -> int:
    """The seed of its fault maps; answers that were written before they named it were drawn by 0."""
    return int(answer.get("seed", 0))


def sentence(answer: dict[str, Any]) -> str:
    """The answer in words."""
    wanted, point = answer["wanted"], at_rate(answer)["chosen"]
    able = "keeps" if answer["enough"] else "cannot keep what was asked; most keeps"
    able = (
        able if fulfilled.in_time(answer) else "is slower than asked, as all are that were tried, and keeps"
    )
    return (
        f"Stored as {answer['encoding']}, at {answer['bits']:.2f} bits a weight, {answer['network']} {able} "
        f"{100 * answer['kept_held_out']:.1f} % of its accuracy at a bit error rate of {wanted['ber']:g} "
        f"({wanted['fault']}) on {wanted['n']} held-out images with {wanted['maps']} fault maps, a share "
        f"without an interval and {fulfilled.learned(answer)} ({100 * wanted['keep']:g} % were asked for); "
        f"on {point['n']} test images it answers {100 * point['accuracy']:.1f} % right "
        f"({100 * point['low']:.1f} to {100 * point['high']:.1f} %), "
        f"{100 * point['clean']:.1f} % without faults: {fulfilled.verdict(answer)}.{_time(answer)}"
    )


def _time(answer: dict[str, Any]) -> str:
    """What a pass takes beside what was asked; "" where nothing was."""
    if answer["wanted"].get("time") is None:
        return ""
    batch, asked = answer["wanted"]["batch"], answer["wanted"]["time"]
    return f" A pass of {batch} takes {answer['time']:.3g} times the plain one, at most {asked:g} were asked."


def against(answer: dict[str, Any]) -> str:
    """The comparison with the best uniform protection, rate by rate, in words."""
    if "rival" not in at_rate(answer):
        return "No way to store all layers alike takes as few bits."
    text = [_difference(entry) for entry in answer["confirmed"]]
    # A mixture is named with the layers that it stores apart; what is chosen may be uniform itself.
    mixed = "@" in answer["encoding"]
    first = "" if mixed else "The answer stores all layers alike: no mixture was better on held-out images. "
    return (
        f"{first}Less the {'best' if mixed else 'next best'} way to store all layers alike in at most as "
        f"many bits (test images, in points, 95 % for the three rates together; "
        f"{at_rate(answer)['difference']['how']}; seed {seed(answer)}): {'; '.join(text)}. "
        f"{_verdict(answer)}"
    )


def _difference(entry: dict[str, Any]) -> str:
    d, rival = entry["difference"], entry["rival_point"]
    return (
        f"at {entry['ber']:g} {100 * d['mean']:+.1f} ({100 * d['low']:+.1f} to {100 * d['high']:+.1f}) "
        f"against {entry['rival']} ({entry['rival_bits']:.2f} bits a weight, {100 * rival['accuracy']:.1f} "
        f"%, {100 * rival['low']:.1f} to {100 * rival['high']:.1f})"
    )


def _verdict(answer: dict[str, Any]) -> str:
    """What the intervals say at the three rates."""
    each = [(entry["ber"], entry["difference"]) for entry in answer["confirmed"]]
    better = [f"{rate:g}" for rate, d in each if d["low"] > 0]
    worse = [f"{rate:g}" for rate, d in each if d["high"] < 0]
    text = f"It is better at {_and(better)}" if better else "It is told apart as better at none of the rates"
    return f"{text}{f', worse at {_and(worse)}' if worse else ', worse at none'}."


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def passes(answer: dict[str, Any]) -> str:
    """What the search took, in words."""
    seconds = answer.get("seconds")
    machine = answer.get("machine") or "a machine that was not noted"
    took = f" in {seconds / 60:.1f} minutes of {machine} (one run)" if seconds else ""
    return (
        f"Found in {answer['passes']} passes over the held-out images{took}; a plain grid over the same "
        f"mixtures takes {answer['grid_passes']}. "
        f"Fault maps are drawn by seed {seed(answer)}. The front at two more rates and the rivals took "
        f"{answer['more_passes']} more."
    )


def report(answer: dict[str, Any]) -> str:
    """The report as Markdown: sentence, comparison, front, all that was tried."""
    rates = list(answer["front"][0]["kept"])
    heads = " | ".join(f"BER {r}" for r in rates)
    lines = [
        "# What to store\n", sentence(answer), "", against(answer), "", passes(answer),
        "", "## The front on held-out images: share of the accuracy that is kept\n",
        f"Each share is of {answer['wanted']['n']} held-out images and {answer['wanted']['maps']} fault maps "
        f"({answer['wanted']['fault']}, seed {seed(answer)}) and has no interval; so in the second table.\n",
        f"| stored as | bits a weight | {heads} |", "|---" * (2 + len(rates)) + "|",
    ]  # fmt: skip
    for member in answer["front"]:
        retained = " | ".join(f"{member['kept'][r]:.3f}" for r in rates)
        lines.append(f"| `{member['encoding']}` | {member['bits']:.2f} | {retained} |")
    lines += ["", "## All that was tried\n", "| stored as | bits a weight | kept |", "|---|---|---|"]
    lines += [f"| `{t['encoding']}` | {t['bits']:.2f} | {t['kept']:.3f} |" for t in answer["tried"]]
    return "\n".join(lines) + "\n"
