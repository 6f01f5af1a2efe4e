"""Images drawn at random from one test set, anew for each map: how many there are, and what the draws tell.

A test set has N images of all that could have been in it, and every map looks at n of these N. More maps
average out which n it was, and never which N: on all of them, accuracy still differs from that on other
images by the noise of N. Of answers whose variance between images is v, the mean over M maps has the variance
v / (M n) + (M - 1) v / (M N) from its images: that of M n N / (N + (M - 1) n) independent ones.
Source: two draws share n / N of their images on average; Cochran 1977, Sampling Techniques, ch. 2.
"""

from __future__ import annotations

from functools import lru_cache

from resq import data

WHOLE = {"cifar10": 10_000, "cifar100": 10_000, "gtsrb": 12_630, "signs": 4_000}  # images of the test split


def set_size(name: str, images: str, n: int) -> int:
    """How many test images a data set has of which n were drawn; n, the fewest, where it is not known.

    Args:
        images: hash of all of them, as rows keep it: others that bear the name by now are not counted.

    >>> set_size("signs", "", 50), set_size("a set that is not here", "", 50)
    (4000, 50)
    """
    return WHOLE.get(name) or max(n, _counted(name, images))


@lru_cache(64)
def _counted(name: str, images: str) -> int:
    """The number of a data set's test images, if they are on this machine and the same; else 0."""
    try:
        whole = data.load(name, "test")
    except (ValueError, OSError):  # no such set here, or its images are gone
        return 0
    return len(whole) if whole.hash == images else 0


def effective_count(n: int, maps: int, whole: int) -> float:
    """So many independent images tell as much of others as ``maps`` draws of ``n`` of ``whole`` images.

    >>> effective_count(4000, 20, 4000), effective_count(100, 1, 4000), round(effective_count(200, 20, 4000))
    (4000.0, 100.0, 2051)
    """
    return float(maps * n * whole / (whole + (maps - 1) * n))


def described(sample: str, n: int, name: str, images: str) -> str:
    """Which test images a row was measured on.

    >>> described("first", 1000, "signs", ""), described("random", 50, "signs", "")
    ('the first 1,000 test images', '50 random ones of 4,000 test images, drawn anew for each map')
    """
    if sample == "first":
        return f"the first {n:,} test images"
    whole = set_size(name, images, n)
    known = f"{whole:,}" if whole > n or name in WHOLE else "all"
    return f"{n:,} random ones of {known} test images, drawn anew for each map"


def note(sample: str) -> str:
    """What to add to a number of images; nothing of the first ones.

    >>> "50 images" + note("random")
    '50 images (random ones, drawn anew for each map)'
    """
    return "" if sample == "first" else " (random ones, drawn anew for each map)"
