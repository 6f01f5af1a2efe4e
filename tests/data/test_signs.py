"""The rendered traffic signs: reproducible, balanced, and neither trivial nor hopeless to tell apart."""

import random

import numpy as np
import numpy.typing as npt
import pytest

from resq.data.signs import CLASSES, icon, render

SPLITS = ("train", "val", "test")


def _pictures(x: npt.NDArray[np.uint8]) -> set[bytes]:
    return {picture.tobytes() for picture in x}


def test_there_are_sixteen_classes_with_distinct_names() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == 16


@pytest.mark.parametrize("split", SPLITS)
def test_pictures_are_uint8_planes_and_labels_are_int64(split: str) -> None:
    x, y = render(split, 5)
    assert x.shape == (5, 3, 32, 32)
    assert x.dtype == np.uint8
    assert y.shape == (5,)
    assert y.dtype == np.int64


def test_no_pictures_are_an_empty_array_of_the_same_form() -> None:
    x, y = render("train", 0)
    assert x.shape == (0, 3, 32, 32)
    assert x.dtype == np.uint8
    assert y.shape == (0,)
    assert y.dtype == np.int64


def test_the_same_call_gives_the_same_pictures() -> None:
    first, second = render("test", 48, seed=7), render("test", 48, seed=7)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@pytest.mark.parametrize("n", [1, 15, 16, 33])
def test_fewer_pictures_are_a_prefix_of_more(n: int) -> None:
    few, many = render("train", n), render("train", 50)
    assert np.array_equal(few[0], many[0][:n])
    assert np.array_equal(few[1], many[1][:n])


def test_another_seed_gives_other_pictures_and_another_order() -> None:
    first, second = render("train", 64, seed=0), render("train", 64, seed=1)
    assert not _pictures(first[0]) & _pictures(second[0])
    assert not np.array_equal(first[1], second[1])


def test_no_picture_occurs_twice_within_or_across_splits() -> None:
    assert len(set().union(*(_pictures(render(split, 160)[0]) for split in SPLITS))) == 3 * 160


def test_rendering_neither_reads_nor_moves_the_global_random_state() -> None:
    before = np.random.get_state(legacy=False), random.getstate()  # noqa: NPY002 - the state under test
    first = render("train", 4)[0]
    assert repr(before) == repr((np.random.get_state(legacy=False), random.getstate()))  # noqa: NPY002
    random.random()
    np.random.random()  # noqa: NPY002
    assert np.array_equal(first, render("train", 4)[0])


def test_every_run_of_sixteen_holds_each_class_once_in_shuffled_order() -> None:
    runs = render("train", 160)[1].reshape(10, 16)
    assert (np.sort(runs, axis=1) == np.arange(16)).all()
    assert len({tuple(run) for run in runs.tolist()}) == 10


def test_brightness_and_contrast_are_those_of_daylight_pictures() -> None:
    x = render("train", 320)[0]
    assert ((x.mean(axis=(0, 2, 3)) > 80) & (x.mean(axis=(0, 2, 3)) < 150)).all()
    assert 40 < x.std() < 80
    assert ((x == 0) | (x == 255)).mean() < 0.08  # little is lost to clipping


def test_every_single_picture_shows_something() -> None:
    assert (render("test", 320)[0].reshape(320, -1).std(axis=1) > 5).all()


def test_a_nearest_class_mean_beats_chance_by_far_and_still_mostly_fails() -> None:
    x, y = render("train", 960)
    seen, truth = render("test", 320)
    flat, queries = (a.reshape(len(a), -1).astype(np.float32) for a in (x, seen))
    flat, queries = (a - a.mean(axis=1, keepdims=True) for a in (flat, queries))
    means = np.stack([flat[y == label].mean(axis=0) for label in range(16)])
    nearest = ((queries[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert 2 / 16 < (nearest == truth).mean() < 0.7


@pytest.mark.parametrize("split", ["Train", "", "validation"])
def test_an_unknown_split_is_refused_with_the_known_ones_named(split: str) -> None:
    with pytest.raises(ValueError, match=f"split is '{split}', expected one of: train, val, test"):
        render(split, 1)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="n is -1, expected at least 0"):
        render("train", -1)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=f"seed is {seed}, expected 0 to 4294967295"):
        render("train", 1, seed=seed)


@pytest.mark.parametrize("label", range(16))
def test_an_icon_is_a_clean_sign_on_a_transparent_ground(label: int) -> None:
    drawn = icon(label)
    alpha = drawn[..., 3]
    assert drawn.shape == (128, 128, 4)
    assert drawn.dtype == np.uint8
    assert alpha[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0  # no sign fills its square's corners
    assert alpha[64, 64] == 255
    assert 0.3 < (alpha > 0).mean() < 0.9


def test_icons_come_in_any_size_and_differ_between_classes() -> None:
    assert icon(0, size=40).shape == (40, 40, 4)
    assert len({icon(label, size=32).tobytes() for label in range(16)}) == 16


@pytest.mark.parametrize(
    ("label", "size", "said"), [(16, 8, "label is 16"), (-1, 8, "label is -1"), (0, 0, "size is 0")]
)
def test_an_icon_of_no_class_or_no_size_is_refused(label: int, size: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        icon(label, size)
