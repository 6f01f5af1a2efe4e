"""Real images from parquet folders in every layout, decoded once; and a clear answer where there are none."""

import io
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from resq import data
from resq.data import folders, shards


def _encoded(pixels: np.ndarray) -> bytes:
    raw = io.BytesIO()
    Image.fromarray(pixels).save(raw, "PNG")
    return raw.getvalue()


def _photos(n: int, seed: int = 0, side: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def _write(file: Path, photos: np.ndarray, labels: list[int], *, layout: str = "bytes", **more) -> None:
    """One shard: ``bytes`` has a column img of encoded images, ``hf`` the struct of Hugging Face."""
    raw = [_encoded(p) for p in photos]
    images = {"img": raw} if layout == "bytes" else {"image": [{"bytes": b, "path": None} for b in raw]}
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**images, **{"label": labels, **more}}), file)


@pytest.fixture
def here(own_folders: Path) -> Path:
    """An empty $RESQ_DATA."""
    return own_folders / "data"


@pytest.mark.parametrize("layout", ["bytes", "hf"])
def test_images_and_labels_come_back_as_they_were_written(here, layout):
    photos = _photos(5)
    _write(here / "cifar10/test.parquet", photos, [3, 1, 4, 1, 9], layout=layout)
    images = data.load("cifar10", "test")
    assert np.array_equal(images.pixels, photos.transpose(0, 3, 1, 2))
    assert images.pixels.flags.c_contiguous
    assert images.y.tolist() == [3, 1, 4, 1, 9]
    assert images.y.dtype == np.int64
    assert images.classes[9] == "truck"
    assert images.groups is None


def test_several_shards_in_a_subfolder_are_read_in_name_order(here):
    photos = _photos(6)
    for i in (2, 0, 1):
        file = here / f"cifar10/plain_text/test-0000{i}-of-00003.parquet"
        _write(file, photos[2 * i : 2 * i + 2], [2 * i, 2 * i + 1], layout="hf")
    _write(here / "cifar10/plain_text/train-00000-of-00001.parquet", _photos(1, seed=9), [7], layout="hf")
    images = data.load("cifar10", "test")
    assert images.y.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.array_equal(images.pixels, photos.transpose(0, 3, 1, 2))
    assert data.load("cifar10", "train").y.tolist() == [7]


def test_hundred_classes_have_their_label_in_fine_label(here):
    _write(here / "cifar100/test.parquet", _photos(2), [0, 1], layout="hf")
    table = pq.read_table(here / "cifar100/test.parquet").rename_columns(["image", "fine_label"])
    pq.write_table(table, here / "cifar100/test.parquet")
    assert data.load("cifar100", "test").y.tolist() == [0, 1]


def test_frames_of_one_physical_sign_share_a_group_and_the_same_track_of_another_class_does_not(here):
    _write(here / "gtsrb/train.parquet", _photos(4), [5, 5, 5, 6], track=[0, 0, 1, 0])
    groups = data.load("gtsrb", "train").groups
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 3


def test_images_of_another_size_become_thirty_two_pixels_square(here):
    _write(here / "gtsrb/test.parquet", np.full((1, 50, 50, 3), 77, np.uint8), [0])
    pixels = data.load("gtsrb", "test").pixels
    assert pixels.shape == (1, 3, 32, 32)
    assert (pixels == 77).all()


def test_a_set_that_is_missing_is_answered_with_what_to_do(here):
    assert not data.present("cifar10")
    with pytest.raises(FileNotFoundError) as error:
        data.load("cifar10", "test")
    sentence = str(error.value)
    assert sentence.startswith("no cifar10 images on this machine")
    assert "set RESQ_DATA to a folder that holds cifar10/train*.parquet" in sentence
    assert "python -m resq data cifar10 --download" in sentence
    assert str(here / "cifar10") in sentence


def test_the_second_load_reads_the_decoded_pixels_and_no_image(here, monkeypatch):
    _write(here / "cifar10/test.parquet", _photos(3), [0, 1, 2])
    first = data.load("cifar10", "test")
    monkeypatch.setattr(shards, "_pixels", lambda _: pytest.fail("decoded again"))
    assert data.load("cifar10", "test").hash == first.hash


def test_files_that_changed_are_decoded_again(here):
    file = here / "cifar10/test.parquet"
    _write(file, _photos(3), [0, 1, 2])
    first = data.load("cifar10", "test")
    _write(file, _photos(3, seed=1), [0, 1, 2])
    os.utime(file, ns=(1, 1))
    assert data.load("cifar10", "test").hash != first.hash


def test_a_decode_that_fails_leaves_nothing_in_the_cache(here):
    _write(here / "cifar10/test.parquet", _photos(1), [0])
    table = pa.table({"img": [b"no image"], "label": [0]})
    pq.write_table(table, here / "cifar10/test.parquet")
    with pytest.raises(ValueError, match="the image in row 0 cannot be decoded: cannot identify image"):
        data.load("cifar10", "test")
    assert not list(folders.cache().glob("*.npz"))


def _cached(own_folders: Path) -> Path:
    (file,) = (own_folders / "cache").glob("*.npz")
    return file


@pytest.mark.parametrize("damage", ["empty", "half", "tail", "text", "npy"])
def test_a_damaged_cache_file_is_made_anew(here, own_folders, damage):
    photos = _photos(3)
    _write(here / "cifar10/test.parquet", photos, [3, 1, 4])
    whole = data.load("cifar10", "test")
    file = _cached(own_folders)
    raw = file.read_bytes()
    spoilt = {"empty": b"", "half": raw[: len(raw) // 2], "tail": raw[:-1], "text": b"no arrays",
              "npy": b"\x93NUMPY\x01\x00\x08\x00{broken"}  # fmt: skip
    file.write_bytes(spoilt[damage])
    assert data.load("cifar10", "test").hash == whole.hash
    assert file.read_bytes() == raw, "and the next load reads the cache again"


def test_flipped_bytes_in_a_cache_file_are_noticed(here, own_folders):
    _write(here / "cifar10/test.parquet", _photos(3), [3, 1, 4])
    whole = data.load("cifar10", "test")
    file = _cached(own_folders)
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    file.write_bytes(raw)
    assert data.load("cifar10", "test").hash == whole.hash


def test_images_are_read_where_the_cache_cannot_be_written(here, own_folders, monkeypatch):
    _write(here / "cifar10/test.parquet", _photos(2), [3, 1])
    (own_folders / "file").write_text("a file where a folder is wanted: no cache can be made there")
    monkeypatch.setenv("RESQ_CACHE", str(own_folders / "file" / "cache"))
    assert len(data.load("cifar10", "test")) == 2


def test_a_disk_that_fills_up_leaves_no_part_of_a_cache_file(here, own_folders, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    _write(here / "cifar10/test.parquet", _photos(2), [3, 1])
    monkeypatch.setattr(np, "savez", full)
    assert len(data.load("cifar10", "test")) == 2
    assert not list((own_folders / "cache").iterdir())


def test_columns_that_are_neither_image_nor_label_are_named(here):
    (here / "cifar10").mkdir(parents=True)
    pq.write_table(pa.table({"picture": [b""], "label": [0]}), here / "cifar10/test.parquet")
    with pytest.raises(ValueError, match=r"test\.parquet has columns picture, label; expected img or image"):
        data.load("cifar10", "test")


def test_labels_beyond_the_classes_are_refused_with_their_range(here):
    _write(here / "cifar10/test.parquet", _photos(2), [0, 10])
    with pytest.raises(ValueError, match=r"labels of cifar10 must lie in 0\.\.9, got 0\.\.10"):
        data.load("cifar10", "test")


@pytest.mark.parametrize("name", ["signs", "cifar10"])
def test_an_unknown_split_is_answered_with_the_known_ones(here, name):
    with pytest.raises(ValueError, match="no split 'dev'; known: test, train"):
        data.load(name, "dev")


def test_an_unknown_data_set_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="no data set 'mnist'; known: cifar10, cifar100, gtsrb, signs"):
        data.load("mnist", "test")


@pytest.mark.parametrize(
    ("name", "classes"), [("signs", 16), ("cifar10", 10), ("cifar100", 100), ("gtsrb", 43)]
)
def test_every_data_set_names_its_classes_once_and_says_whether_it_is_photographed(name, classes):
    source = data.source(name)
    assert len(source.classes) == len(set(source.classes)) == classes
    assert "photograph" in source.about
    assert ("not photographed" in source.about) == (name == "signs")


def test_signs_are_always_here_and_drawn_once(own_folders, monkeypatch):
    monkeypatch.setitem(data.RENDERED, "test", 40)
    assert data.present("signs")
    first = data.load("signs", "test")
    monkeypatch.setattr("resq.data.signs.render", lambda *_: pytest.fail("rendered again"))
    assert data.load("signs", "test").hash == first.hash
    assert len(first) == 40
    assert len(list((own_folders / "cache").iterdir())) == 1


@pytest.mark.parametrize(("split", "n"), [("test", 10_000), ("train", 50_000)])
def test_real_cifar10_has_its_published_size_and_equal_classes(real, split, n):
    images = real("cifar10", split)
    assert images.pixels.shape == (n, 3, 32, 32)
    assert np.bincount(images.y).tolist() == [n // 10] * 10


def test_real_cifar10_has_the_published_mean_and_spread_of_its_training_images(real):
    pixels = real("cifar10", "train").pixels
    source = data.source("cifar10")
    shares = np.arange(256) / 255
    for channel in range(3):
        counts = np.bincount(pixels[:, channel].ravel(), minlength=256) / pixels[:, channel].size
        mean = (counts * shares).sum()
        spread = np.sqrt((counts * shares**2).sum() - mean**2)
        assert mean == pytest.approx(source.mean[channel], abs=5e-4)
        assert spread == pytest.approx(source.std[channel], abs=5e-4)
