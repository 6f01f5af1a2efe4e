"""The numbers of a journey as tables for people and for files."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dashboard.model.moving.journey import Journey, classes_of

STEP = {"ber": "BER", "eps": "eps, 1/255"}


def every(now: Journey, chosen: int) -> dict[str, pd.DataFrame]:
    """Chart -> its numbers."""
    return {
        "embedding": pictures(now), "picture_steps": one(now, chosen), "accuracy_steps": network(now),
        "class_steps": classes(now),
    }  # fmt: skip


def pictures(now: Journey) -> pd.DataFrame:
    """One line for each picture and step: where it lies on the plane, and its answer."""
    parts = [
        pd.DataFrame({
            STEP[now.axis]: step.value, "map": now.map, "picture": np.arange(len(now.labels)),
            "class": [now.classes[label] for label in now.labels],
            "component 1": step.places[:, 0], "component 2": step.places[:, 1],
            "answer": classes_of(now, step.answers), "right": step.answers == now.labels,
        })
        for step in now.steps
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def one(now: Journey, chosen: int) -> pd.DataFrame:
    """The logits of one picture: a line for each step, a column for each class."""
    logits = pd.DataFrame(np.stack([step.logits[chosen] for step in now.steps]), columns=list(now.classes))
    answers = [classes_of(now, step.answers[[chosen]])[0] for step in now.steps]
    head = pd.DataFrame({STEP[now.axis]: [step.value for step in now.steps], "answer": answers})
    return pd.concat([head, logits], axis=1)


def network(now: Journey) -> pd.DataFrame:
    """Accuracy of each step, with its interval."""
    lines = [
        {STEP[now.axis]: step.value, **share} for step, share in zip(now.steps, now.accuracies, strict=True)
    ]
    names = {"mean": "right", "low": "95 % from", "high": "95 % to", "n": "pictures", "maps": "maps"}
    return pd.DataFrame(lines).rename(columns=names)


def classes(now: Journey) -> pd.DataFrame:
    """Right answers of each class in each step, and how many pictures it has."""
    counts = np.bincount(now.labels, minlength=len(now.classes))
    table = pd.DataFrame(now.per_class.T, columns=[f"{step.value:g}" for step in now.steps])
    return pd.concat([pd.DataFrame({"class": now.classes, "pictures": counts}), table], axis=1)
