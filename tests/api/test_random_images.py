"""Random images of arrays: every fault map draws its own of all that are given, and of no others."""

import pytest

import resq


def right(images, labels, **options):
    """How many every map gets right without a flip."""
    result = resq.sweep("signs/resnet20/base", images, labels, ber=[0], sample="random", **options)
    assert set(result.frame["sample"]) == {"random"}
    return result.frame


def test_random_images_are_drawn_of_all_arrays_given_anew_for_each_map():
    x, y = resq.load_images("signs", n=60)
    y[20:] = (y[20:] + 1) % 16  # the first 20 alone have their own label
    rows = right(x, y, n=20, maps=6)
    assert set(rows["n"]) == {20}
    assert 0 < rows["correct"].mean() < 14  # of the first 20 all but none would be right
    assert rows["correct"].nunique() > 1


def test_arrays_that_begin_a_data_set_stand_for_themselves_where_images_are_random():
    x, y = resq.load_images("signs", n=30)
    rows = right(x, y, maps=2)
    assert set(rows["correct"]) == {int(rows["correct"].iloc[0])}  # all 30, in another order
    assert set(rows["data"]) != {"signs"}


def test_more_random_images_than_are_given_are_refused():
    x, y = resq.load_images("signs", n=30)
    with pytest.raises(ValueError, match=r"n must lie in 1\.\.30, the images given, got 31"):
        right(x, y, n=31)
