"""What tests ask of a page: that it shows what it should, and no apology in its place."""

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


def fine(app: AppTest, *sorry: str) -> None:
    """The page has no exception, no fault, and no apology but for what is not there yet.

    Args:
        sorry: parts of the sentences that it may show in the place of content besides.
    """
    assert not app.exception
    assert not faults(app)
    left = [said for said in apologies(app) if not any(part in said for part in (*EMPTY, *sorry))]
    assert not left, left
