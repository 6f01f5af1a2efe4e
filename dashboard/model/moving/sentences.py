"""What a journey shows, in words."""

from __future__ import annotations

import numpy as np

from dashboard.format import numbers
from dashboard.model.moving.journey import Journey, classes_of, name
from resq.measure.analysis.intervals import caution


def sentence(shown: Journey) -> str:
    """What the picture shows, for people who cannot see it and for a class."""
    first, last = shown.steps[0], shown.steps[-1]
    n, axis = len(shown.labels), "BER" if shown.axis == "ber" else "eps"
    with np.errstate(all="ignore"):
        way = np.linalg.norm(last.places - first.places, axis=1)
    span = np.linalg.norm(np.nanstd(first.places, axis=0))
    moved = "" if not np.isfinite(way).any() else (
        f" Half of them have then moved further than {np.nanmedian(way) / span:.2g} times the spread of the "
        "clean pictures on the plane."
    )  # fmt: skip
    one = f" (fault map {shown.map + 1} alone)" if shown.axis == "ber" else ""
    right = [int((step.answers == shown.labels).sum()) for step in (first, last)]
    changed = int((last.answers != first.answers).sum())
    return (
        f"Of {n} pictures {right[0]} are answered rightly as stored and {right[1]} at {axis} "
        f"{name(shown.axis, last.value)}{one}, where {changed} answers have changed.{moved}"
    )


def honesty(shown: Journey) -> str:
    """What the plane is, and how far it can be trusted."""
    about = shown.about
    read, region = _head(shown)
    first, second = map(numbers.percent, about["shares"])
    agreeing = numbers.percent(shown.steps[0].agreeing, 0)
    return (
        f"The plane: the first two principal components of {read}, fitted on the {about['n']} clean "
        f"pictures; it holds {numbers.percent(sum(about['shares']))} of their variance ({first} and "
        f"{second}). A region is {region} at points of this plane, all other directions at the clean mean. "
        f"Pictures lie off the plane: for {agreeing} of the clean ones the region under them is their answer."
    )


def _head(shown: Journey) -> tuple[str, str]:
    """What the plane is of, and what a region is."""
    about = shown.about
    if not about["head"]:
        logits = f"the {about['features']} logits (no linear layer of this network gives them)"
        return logits, "the class whose logit is the largest"
    features = f"the {about['features']} features that the last layer, {about['head']}, reads"
    flipped = ", with its flipped weights," if shown.axis == "ber" else ""  # under attack none flips
    return features, f"what the network's own last layer{flipped} answers"


def provenance(shown: Journey, source: str) -> str:
    """Where the rows come from: counts, seed, hashes."""
    about = shown.about
    under = f"{about['fault']} flips, map {shown.map + 1} of {about['maps']}" if shown.axis == "ber" else (
        f"PGD, {about['steps']} steps, one random start, made on the network as stored"
    )  # fmt: skip
    hashes = " · ".join(f"{key} {about[key][:8]}" for key in ("weights", "images", "code"))
    return f"{source} · n = {about['n']} first test images · {under} · seed {about['seed']} · {hashes}"


def picture_sentence(shown: Journey, chosen: int) -> str:
    """What becomes of one picture: its answers where they change."""
    true, parts, before = shown.classes[shown.labels[chosen]], list[str](), ""
    axis = "BER" if shown.axis == "ber" else "eps"
    for step in shown.steps:
        answer = classes_of(shown, step.answers[[chosen]])[0]
        if answer != before:
            at = name(shown.axis, step.value)
            parts.append(f"{at if not step.value else f'at {axis} {at}'} **{answer}**")
        before = answer
    still = "" if len(parts) > 1 else ", and in no step anything else"
    return f"Picture {chosen} shows **{true}**. It is answered {', '.join(parts)}{still}."


def network_sentence(shown: Journey) -> str:
    """Accuracy as stored and in the last step, with intervals."""
    ends = [(shown.steps[i], shown.accuracies[i]) for i in (0, -1)]
    parts = []
    for step, share in ends:
        over = f"{share['maps']} fault maps and images" if share["maps"] > 1 else "images"
        at = name(shown.axis, step.value)
        parts.append(
            f"{at}: {numbers.percent(share['mean'])} right (95 % over {over} "
            f"{100 * share['low']:.1f} to {100 * share['high']:.1f}{numbers.THIN}%)"
        )
    few = caution(max(int(share["maps"]) for _, share in ends))
    return f"{parts[0][0].upper()}{parts[0][1:]}; {parts[1]}; n = {len(shown.labels)}{'. ' * bool(few)}{few}."


def class_sentence(shown: Journey) -> str:
    """The classes that lose most and least by the last step."""
    lost = shown.per_class[0] - shown.per_class[-1]
    known = [i for i in range(len(shown.classes)) if np.isfinite(lost[i])]
    most, least = max(known, key=lambda i: lost[i]), min(known, key=lambda i: lost[i])
    at = name(shown.axis, shown.steps[-1].value)

    def line(i: int) -> str:
        ends = [numbers.percent(shown.per_class[step][i], 0) for step in (0, -1)]
        count = int((np.asarray(shown.labels) == i).sum())
        return f"**{shown.classes[i]}** ({ends[0]} of {count} as stored, {ends[1]} at {at})"

    tied = [shown.classes[i] for i in known if i != most and lost[i] == lost[most]]
    also = f", as much by {' and '.join(tied)}" if tied else ""
    few = "So few pictures a class have wide intervals: neighbours are not told apart."
    return f"Most is lost by {line(most)}{also}, least by {line(least)}. {few}"
