"""The address bar in one table: every parameter of every page, and what a teacher's link may hide.

Add a page: its groups in GROUPS, its parameters in PARAMS. A group is a set of controls that are hidden
together; ``page_frame.group(name)`` draws it. No streamlit here.
What an address says and no table knows is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from resq.core.errors import ResqError

LONGEST_TASK = 400  # characters; an address beyond some two thousand is cut by mail programs

# page -> group of controls -> its name for people
GROUPS: dict[str, dict[str, str]] = {
    "start": {},
    "classroom": {"room": "opening and joining"},
    "mystery": {"case": "choice of the case", "hide": "hiding a cause for a class"},
    "bitlab": {
        "network": "network",
        "encoding": "encoding",
        "weight": "layer and weight",
        "picture": "picture",
        "upload": "own picture",
        "own": "own checkpoint",
        "shortcuts": "buttons that choose a weight",
        "plane": "flips in the whole layer",
        "rate": "flips in the whole network",
        "attack": "attack on the picture",
        "more": "text and numbers below the figures",
    },
    "tradeoff": {
        "own": "own checkpoint",
        "choice": "network and encoding",
        "view": "attack mode, line, map or landscape",
        "cell": "chosen cell",
        "live": "measuring live",
        "resistance": "axis of the last figure",
        "more": "text and numbers below the figures",
    },
    "protect": {
        "own": "own checkpoint",
        "network": "network and sampler",
        "budget": "rate, accuracy to keep, bits, time",
        "place": "rate of a place",
        "kinds": "what may be used",
        "mixture": "a mixture by hand",
        "live": "measuring live",
        "more": "text and numbers below the figures",
    },
    "harden": {
        "base": "network and preset",
        "stages": "stages and their options",
        "effort": "epochs and seed",
        "live": "hardening live",
        "shown": "networks hardened before",
        "own": "own checkpoint",
        "more": "text and numbers below the figures",
    },
    "lessons": {"lesson": "choice of the lesson", "more": "how to write a lesson"},
    "sweep": {
        "own": "own checkpoint",
        "choice": "networks and encodings",
        "view": "what is counted",
        "settings": "settings",
        "place": "rate of a place",
        "cell": "chosen cell",
        "live": "measuring live",
        "more": "text and numbers below the figures",
    },
    "layers": {
        "own": "own checkpoint",
        "network": "network",
        "encoding": "encoding",
        "kind": "measured, estimated, PVF",
        "cell": "layer and bit",
        "film": "film of flipping bits",
        "live": "measuring live",
        "more": "text and numbers below the figures",
    },
    "yournetwork": {
        "own": "box for a file",
        "choice": "file and images",
        "input": "what the file does not say of its input",
        "sweep": "what is swept",
        "word": "tensor, word and bits",
        "picture": "picture",
        "live": "measuring live",
        "more": "commands, numbers, files",
    },
    "replay": {
        "claim": "the claim",
        "live": "measuring live",
        "more": "hashes, recipe, files",
    },
    "leaderboard": {"own": "own checkpoint", "choice": "data set and search", "more": "how to submit, files"},
}

# Where a page for checkpoints shows a deployed file: (page, group of "yournetwork") -> group of the page.
OF_FILES = {
    ("bitlab", "choice"): "network",
    ("bitlab", "input"): "network",
    ("bitlab", "word"): "weight",
    ("layers", "choice"): "network",
    ("layers", "input"): "network",
}
_FILE = {
    "data": ("network", "data set whose test images a deployed file is given"),
    "range": ("network", "what black and white become, of a deployed file"),
    "mean": ("network", "then subtracted"),
    "std": ("network", "then divided by"),
    "layout": ("network", "order of the input's axes"),
}

# page -> parameter -> (group, meaning)
PARAMS: dict[str, dict[str, tuple[str, str]]] = {
    "start": {},
    "bitlab": {
        "net": ("network", "checkpoint or deployed file"),
        **_FILE,
        "enc": ("encoding", "how its weights are stored"),
        "layer": ("weight", "layer"),
        "w": ("weight", "number of the weight in its layer"),
        "img": ("picture", "number of the test image"),
        "flip": ("bits", "flipped bits of the weight, with commas"),
        "plane": ("plane", "bit that is flipped in many weights of the layer"),
        "share": ("plane", "in how many of them, %"),
        "draw": ("plane", "seed of the draw of those weights, and of the map"),
        "rate": ("rate", "bit error rate at which all bits of the network flip besides"),
        "pixels": ("attack", "how far an attack moves every pixel at most, 1/255"),
        "attack": ("attack", "attack"),
        "mode": ("attack", "transfer or adaptive"),
        "start": ("attack", "seed of the attack's random start"),
        "clean": ("own", "measurement of a brought checkpoint's accuracy to follow"),
    },
    "tradeoff": {
        "net": ("choice", "checkpoint"),
        "enc": ("choice", "how its weights are stored"),
        "mode": ("view", "transfer or adaptive"),
        "thr": ("view", "accuracy at which a line is drawn, %"),
        "view": ("view", "map or landscape"),
        "ber": ("cell", "bit error rate of the chosen cell"),
        "eps": ("cell", "budget of the chosen cell, 1/255"),
        "n": ("live", "test images of a re-run"),
        "maps": ("live", "fault maps of a re-run"),
        "again": ("live", "measurement of the chosen cell to follow"),
        "map": ("live", "measurement of the whole map to follow"),
        "robust": ("resistance", "faults or attack"),
        "clean": ("own", "measurement of a brought checkpoint's accuracy to follow"),
    },
    "protect": {
        "net": ("network", "checkpoint"),
        "sampler": ("network", "which bits flip: random or layer-uniform"),
        "ber": ("budget", "bit error rate, one that is measured"),
        "keep": ("budget", "accuracy to keep, %"),
        "bits": ("budget", "most stored bits a weight"),
        "time": ("budget", "most time of a pass of a batch, over that without decoding"),
        "place": ("place", "place whose bit error rate is taken, such as voltage_0.56"),
        "kinds": ("kinds", "kinds of protection that may be used"),
        "base": ("mixture", "plain words of a mixture by hand"),
        "way": ("mixture", "how its most fragile layers are stored"),
        "layers": ("mixture", "how many layers those are"),
        "job": ("live", "measurement to follow"),
        "clean": ("own", "measurement of a brought checkpoint's accuracy to follow"),
    },
    "harden": {
        "net": ("base", "checkpoint to start from"),
        "preset": ("base", "preset"),
        "stages": ("stages", "stages of the preset"),
        "adversarial": ("stages", "eps of adversarial training, 1/255"),
        "bit_error": ("stages", "bit error rate of bit-error training"),
        "quantize": ("stages", "how the weights are stored at the end"),
        "scale": ("effort", "epochs, times the preset's"),
        "seed": ("effort", "seed"),
        "shown": ("shown", "hardened checkpoint that is shown"),
        "job": ("live", "run to follow"),
        "clean": ("own", "measurement of a brought checkpoint's accuracy to follow"),
    },
    "lessons": {
        "lesson": ("lesson", "name of the lesson"),
        "step": ("lesson", "number of the step, from 1"),
        "said": ("lesson", "number of the choice predicted in each step, from 1, with commas; 0: none yet"),
        "lang": ("lesson", "language of the lessons: en, de, es"),
    },
    "classroom": {
        "lang": ("room", "language of the lessons: en, de, es"),
        "code": ("room", "letters by which a class joins its room"),
    },
    "mystery": {
        "case": ("case", "F (a fault) or H (hacked or broken) and the number of the case"),
        "asked": ("case", "questions that were bought, with commas; a number is that of a layer"),
        "named": ("case", "the cause that was named"),
    },
    "sweep": {
        "nets": ("choice", "checkpoints"),
        "encs": ("choice", "encodings"),
        "metric": ("view", "what is counted under flipped bits: accuracy, sdc1, sdc10, sdc20, due"),
        "fault": ("settings", "fault model"),
        "maps": ("settings", "fault maps"),
        "n": ("settings", "test images"),
        "seed": ("settings", "seed of maps and random starts"),
        "attack": ("settings", "attack"),
        "steps": ("settings", "attack steps"),
        "points": ("settings", "points on each curve"),
        "place": ("place", "place whose bit error rate is told, such as orbit_686_days_3650_scrub_1"),
        "parts": ("settings", "what is measured live"),
        "job": ("live", "measurement to follow"),
        "cell": ("cell", "stored cell that is looked at again"),
        "again": ("live", "measurement of the chosen cell to follow"),
        "flow": ("live", "measurement of its answers to follow"),
        "clean": ("own", "measurement of a brought checkpoint's accuracy to follow"),
    },
    "layers": {
        "net": ("network", "checkpoint or deployed file"),
        **_FILE,
        "heat": ("live", "measurement of a deployed file's heatmap to follow"),
        "enc": ("encoding", "how its weights are stored"),
        "kind": ("kind", "measured or estimated change of the loss, or PVF"),
        "layer": ("cell", "layer"),
        "bit": ("cell", "bit of the stored words"),
        "film": ("film", "whether the film of flipping bits is shown"),
        "kindof": ("film", "its fault model"),
        "draw": ("film", "its seed"),
        "clean": ("own", "measurement of a brought checkpoint's accuracy to follow"),
    },
    "yournetwork": {
        "file": ("choice", "deployed file, with the first digits of its hash"),
        "data": ("choice", "data set whose test images it is given"),
        "range": ("input", "what black and white become"),
        "mean": ("input", "then subtracted"),
        "std": ("input", "then divided by"),
        "layout": ("input", "order of the input's axes"),
        "images": ("live", "test images of the accuracy without faults"),
        "clean": ("live", "measurement of that accuracy to follow"),
        "bers": ("sweep", "bit error rates, with commas"),
        "targets": ("sweep", "whose bits flip"),
        "maps": ("sweep", "fault maps"),
        "n": ("sweep", "test images of the sweep"),
        "encs": ("sweep", "the lab's own encodings beside it"),
        "job": ("live", "sweep to follow"),
        "heat": ("live", "heatmap to follow"),
        "layer": ("word", "tensor"),
        "w": ("word", "number of the word in its tensor"),
        "flip": ("word", "flipped bits of the word, with commas"),
        "img": ("picture", "number of the test image"),
    },
    "replay": {
        "claim": ("claim", "the quoted claim"),
        "source": ("claim", "who is quoted"),
        "reading": ("live", "number of the reading that is run again"),
        "n": ("live", "test images of a re-run of another size"),
        "maps": ("live", "fault maps of a re-run of another size"),
        "job": ("live", "measurement to follow"),
        "again": ("live", "measurement of another reading to follow"),
    },
    "leaderboard": {
        "clean": ("own", "measurement of a brought checkpoint's accuracy to follow"),
        "data": ("choice", "data set"),
        "find": ("choice", "words that a line holds"),
    },
}

# Those that hold which measurement is followed; no other parameter is called so.
JOBS = {name for page in PARAMS.values() for name, (_, text) in page.items() if text.endswith(" to follow")}

MANY = {"nets", "encs", "stages", "kinds"}  # of these, none may be chosen

# On every page.
SHELL = {"task": "text shown on top", "hide": "hidden groups, with commas", "present": "1: for a projector"}


@dataclass(frozen=True)
class Shell:
    """What an address says about the page around the content."""

    task: str = ""
    hide: tuple[str, ...] = ()
    present: bool = False


def shell(page: str, parameters: Mapping[str, str]) -> Shell:
    """What is valid of ``task``, ``hide`` and ``present``; the rest is as if it were not there.

    >>> shell("sweep", {"hide": "settings,nonsense", "present": "1", "task": "  Look. "})
    Shell(task='Look.', hide=('settings',), present=True)
    """
    wanted = {name.strip() for name in parameters.get("hide", "").split(",")}
    hide = tuple(name for name in GROUPS.get(page, {}) if name in wanted)
    return Shell(clean(parameters.get("task", "")), hide, parameters.get("present") == "1")


def clean(task: str) -> str:
    """A task without control characters, cut to LONGEST_TASK."""
    lines = [" ".join(line.split()) for line in task.splitlines()]
    text = "\n".join("".join(c for c in line if c.isprintable()) for line in lines)
    return text.strip()[:LONGEST_TASK].rstrip()


def query(page: str, values: Mapping[str, object], around: Shell | None = None) -> dict[str, str | list[str]]:
    """The parameters of a link; several values of one name are a list.

    Raises:
        ValueError: a parameter that the page does not have.
    """
    unknown = sorted(set(values) - set(PARAMS[page]))
    if unknown:
        known = ", ".join(PARAMS[page]) or "none"
        raise ResqError(f"page {page} has no parameter {', '.join(unknown)}; it has {known}")
    parameters = {name: _text(value) for name, value in values.items()}
    around = around or Shell()
    frame = {
        "task": clean(around.task),
        "hide": ",".join(around.hide),
        "present": "1" if around.present else "",
    }
    return {**parameters, **{name: value for name, value in frame.items() if value}}


def _text(value: object) -> str | list[str]:
    many = isinstance(value, Iterable) and not isinstance(value, str)
    return [str(v) for v in value] if many else str(value)  # type: ignore[attr-defined]


def page_url(base: str, parameters: Mapping[str, str | list[str]]) -> str:
    """A whole address.

    >>> page_url("http://localhost:8501/sweep", {"encs": ["int8", "fp32"], "task": "a b"})
    'http://localhost:8501/sweep?encs=int8&encs=fp32&task=a+b'
    """
    query_string = urlencode(parameters, doseq=True)
    return f"{base}?{query_string}" if query_string else base
