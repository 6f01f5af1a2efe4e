"""Frames of one sign stay together when images are held out, however the set came; or none is held out."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from resq import data
from resq.data import folders, labels, shards, tracks
from resq.data.held_out import held_out
from resq.data.pictures import image_folder
from tests.data.test_data import _encoded, _photos, _write, here  # noqa: F401 (fixture)

SIGNS, FRAMES = 12, 5  # in each of two classes
LABELS = [y for y in (0, 1) for _ in range(SIGNS * FRAMES)]
TRACKS = [track for _ in (0, 1) for track in range(SIGNS) for _ in range(FRAMES)]
NAMES = [f"{track:05d}_{i % FRAMES:05d}.ppm" for i, track in enumerate(TRACKS)]
GROUPS = [y * 100_000 + track for y, track in zip(LABELS, TRACKS, strict=True)]


@pytest.fixture
def photos() -> np.ndarray:
    return _photos(len(LABELS))


def _shared(images) -> int:
    """How many held-out images are of a sign that is learned from too."""
    learned, kept = held_out(images, share=0.2)
    assert len(kept) >= FRAMES
    return int(np.isin(kept.groups, learned.groups).sum())


def test_torchvisions_download_has_the_signs_of_the_parquet_files(here, photos, monkeypatch):  # noqa: F811
    _write(here / "gtsrb/train.parquet", photos, LABELS, track=TRACKS)
    stored = data.load("gtsrb", "train")
    for label, name, photo in zip(LABELS, NAMES, photos, strict=True):
        file = here / "gtsrb/GTSRB/Training" / f"{label:05d}" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(file)
    (here / "gtsrb/train.parquet").unlink()
    monkeypatch.setattr(folders, "_downloaded", lambda name: here / name)
    monkeypatch.setattr(folders, "folders", lambda: [])
    downloaded = data.load("gtsrb", "train")
    assert downloaded.groups.tolist() == stored.groups.tolist() == GROUPS
    assert _shared(downloaded) == 0
    one, other = (held_out(images, share=0.2)[1] for images in (downloaded, stored))
    assert one.hash == other.hash


@pytest.mark.parametrize(
    "columns",
    [
        {"img": "bytes", "filename": NAMES},
        {"img": "bytes", "Path": [f"Train/{y}/{y:05d}_{n}" for y, n in zip(LABELS, NAMES, strict=True)]},
        {"image": NAMES},
    ],
)  # fmt: skip
def test_parquet_files_without_tracks_tell_them_by_the_names_of_pictures(here, photos, columns):  # noqa: F811
    raw = [_encoded(photo) for photo in photos]
    named = {name: values for name, values in columns.items() if name not in shards.IMAGES}
    for name, values in columns.items():
        if name in shards.IMAGES:
            cells = zip(raw, values, strict=True) if values != "bytes" else ()
            named[name] = [{"bytes": b, "path": path} for b, path in cells] or raw
    (here / "gtsrb").mkdir(parents=True)
    pq.write_table(pa.table({**named, "label": LABELS}), here / "gtsrb/train.parquet")
    images = data.load("gtsrb", "train")
    assert images.groups.tolist() == GROUPS
    assert _shared(images) == 0


def test_images_that_were_decoded_before_their_signs_were_read_get_them(here, photos):  # noqa: F811
    _write(here / "gtsrb/train.parquet", photos, LABELS, track=TRACKS)
    data.load("gtsrb", "train")
    (file,) = folders.cache().glob("*.npz")
    with np.load(file) as arrays:
        older = {name: arrays[name] for name in ("pixels", "y")}
    np.savez(file, **older)
    assert data.load("gtsrb", "train").groups.tolist() == GROUPS


def test_where_nobody_knows_which_frames_are_of_one_sign_none_is_held_out(here, photos):  # noqa: F811
    _write(here / "gtsrb/train.parquet", photos, LABELS, layout="hf")
    images = data.load("gtsrb", "train")
    assert images.groups is None
    with pytest.raises(ValueError, match="the 120 training images of gtsrb do not say which are frames"):
        held_out(images)
    with pytest.raises(ValueError, match="expected a column track, or file names such as 00012_00029"):
        data.load("gtsrb-held-out", "test")
    _write(here / "cifar10/train.parquet", photos, LABELS)
    assert len(held_out(data.load("cifar10", "train"))[1]) == 12  # photographs of their own


def test_a_folder_of_frames_keeps_those_of_a_sign_together(own_folders, photos):
    for split in ("train", "test"):
        for label, name, photo in zip(LABELS, NAMES, photos, strict=True):
            file = own_folders / "signs" / split / str(label) / name.replace("ppm", "png")
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo).save(file)
    source = image_folder(own_folders / "signs")
    images = source.load("train", False)
    assert sorted(images.groups) == sorted(GROUPS)
    assert _shared(images) == 0
    assert source.load("test", False).groups is None
    (own_folders / "signs" / "train" / "0" / NAMES[0].replace("ppm", "png")).rename(
        own_folders / "signs" / "train" / "0" / "first.png"
    )
    assert image_folder(own_folders / "signs").load("train", False).groups is None


def test_the_benchmarks_own_names_tell_the_tracks_of_its_parquet_file(real):
    images = real("gtsrb", "train")
    table = pa.concat_tables(
        [pq.read_table(f, columns=["filename"]) for f in folders.shards("gtsrb", "train")]
    )
    names = table["filename"].to_pylist()
    assert tracks.of_names(names, images.y).tolist() == images.groups.tolist()
    assert len(labels.GTSRB) == len(np.unique(images.groups // 100_000))
