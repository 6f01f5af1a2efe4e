"""What tests ask of a page: that it shows what it should, and no apology in its place."""

from streamlit.testing.v1 import AppTest

from dashboard import show

INFO = ":material/info:"


def apologies(app: AppTest) -> list[str]:
    """The sentences that the page shows in the place of content: something is missing, or cannot be used."""
    return [m.value for m in app.markdown if m.value.startswith(INFO)]


def faults(app: AppTest) -> list[str]:
    """The faults of the lab that the page speaks of."""
    return [m.value for m in app.markdown if show.FAULT in m.value]


def fine(app: AppTest, *sorry: str) -> None:
    """The page has no exception and no fault, and its apologies are these and no others.

    Args:
        sorry: a part of each sentence that the page should show in the place of content, in any order.
    """
    assert not app.exception
    assert not faults(app)
    found = apologies(app)
    left = [said for said in found if not any(part in said for part in sorry)]
    assert not left, left
    absent = [part for part in sorry if not any(part in said for said in found)]
    assert not absent, (absent, found)
