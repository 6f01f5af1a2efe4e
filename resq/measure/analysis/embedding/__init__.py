"""Pictures among a network's last features: what the rows of ``run.embedding`` say, and where they lie."""

from resq.measure.analysis.embedding.rows import (
    Row,
    accuracy,
    agreeing,
    answers,
    numbers,
    on_plane,
    per_class,
    places,
    right,
    steps,
    ways,
)
from resq.measure.analysis.embedding.stored import (
    ENDING,
    keep,
    kept_file,
    packed,
    read,
    same,
    shipped,
    write,
)

__all__ = [
    "ENDING",
    "Row",
    "accuracy",
    "agreeing",
    "answers",
    "keep",
    "kept_file",
    "numbers",
    "on_plane",
    "packed",
    "per_class",
    "places",
    "read",
    "right",
    "same",
    "shipped",
    "steps",
    "ways",
    "write",
]
