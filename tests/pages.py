"""What tests ask of a page: that it shows what it should, and no apology in its place."""

from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.testing.v1 import AppTest

from dashboard.components import render

INFO = ":material/info:"
# What a page says where a store holds only the few rows of a test: nothing went wrong, nothing is there yet.
EMPTY = (
    "is not stored for this cell",
    "Nothing is stored for",
    "No variant of",
    "Nothing near claim",
    "No row is stored yet",
    "No stored measurement of",
)


def apologies(app: AppTest) -> list[str]:
    """The sentences that the page shows in the place of content: something cannot be used, or is lacking."""
    return [m.value for m in app.markdown if m.value.startswith(INFO)]


def faults(app: AppTest) -> list[str]:
    """The faults of the lab that the page speaks of."""
    return [m.value for m in app.markdown if render.FAULT in m.value]


_expected: list[str] = []  # of the test that runs: parts of the sentences that its pages may show


@contextmanager
def watched(sorry: tuple[str, ...], faulty: bool) -> Iterator[None]:
    """Whatever page runs in here, and what a test asks of it: it may show no fault and no unexpected apology.

    Args:
        sorry: parts of the sentences that may stand in the place of content, beside those of ``fine``.
        faulty: faults and exceptions are what the test is about.
    """
    seen: list[tuple[list[str], list[str]]] = []
    run = AppTest._run

    def noted(app: AppTest, *given: object, **named: object) -> AppTest:
        done = run(app, *given, **named)
        wrong = [*faults(done), *(str(e.value) for e in done.exception)]
        seen.append((wrong, [*apologies(done), *(e.value for e in done.error)]))
        return done

    AppTest._run = noted
    before, _expected[:] = list(_expected), sorry
    try:
        yield
    finally:
        AppTest._run = run
        allowed = (*EMPTY, *_expected)
        _expected[:] = before
    for wrong, said in seen:
        assert faulty or not wrong, f"the page shows a fault: {wrong}"
        left = [text for text in said if not any(part in text for part in allowed)]
        assert not left, f"the page apologises, and the test expects none: {left}"


def fine(app: AppTest, *sorry: str) -> None:
    """The page has no exception, no fault, and no apology but for what is not there yet.

    Args:
        sorry: parts of the sentences that it may show in the place of content besides.
    """
    assert not app.exception
    assert not faults(app)
    _expected.extend(sorry)
    left = [said for said in apologies(app) if not any(part in said for part in (*EMPTY, *sorry))]
    assert not left, left
