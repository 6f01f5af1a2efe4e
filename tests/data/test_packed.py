"""Images of one's own in one file: what a folder of the same pictures gives, and a sentence for all else."""

import io
import json
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from resq import data
from resq.core.errors import ResqError
from resq.data import own

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 7, 3), dtype=np.uint8)
LABELS = ("9", "10", "9", "10", "9", "9")


def png(pixels) -> bytes:
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


def zipped(file, entries):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in entries.items():
            archive.writestr(name, raw)
    return str(file)


def pictures(prefix=""):
    return {f"{prefix}{label}/{i}.png": png(PIXELS[i]) for i, label in enumerate(LABELS)}


def parquet(file, image, label, about=None):
    table = pa.table({"image": image, "label": label})
    held = {"huggingface": json.dumps(about)} if about else None
    pq.write_table(table.replace_schema_metadata(held), file)
    return str(file)


def cells():
    return [{"bytes": png(p), "path": f"{i}.png"} for i, p in enumerate(PIXELS)]


@pytest.fixture(autouse=True)
def _fresh(own_folders):
    own._read.cache_clear()


def loaded(path, **options):
    return data.load(own.bring(str(path), **options), "test")


@pytest.mark.parametrize("prefix", ["", "mine/", "mine/test/", "__MACOSX/"])
def test_a_zip_gives_what_its_folder_gives(tmp_path, prefix):
    entries = (
        pictures() | {"__MACOSX/9/._0.png": b"x", "readme.txt": b"x"} if not prefix else pictures(prefix)
    )
    if prefix == "mine/test/":
        entries |= {"mine/train/9/0.png": png(PIXELS[5])}
    file = zipped(tmp_path / "mine.zip", entries)
    if prefix == "__MACOSX/":
        with pytest.raises(ResqError, match="holds no folders with"):
            loaded(file)
        return
    for name, raw in pictures().items():
        (tmp_path / "same" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "same" / name).write_bytes(raw)
    found, same = loaded(file), loaded(tmp_path / "same")
    assert found.classes == same.classes == ("9", "10")
    assert np.array_equal(found.pixels, same.pixels)
    assert np.array_equal(found.y, same.y)
    assert any(np.array_equal(pixels, PIXELS[0].transpose(2, 0, 1)) for pixels in found.pixels)


def test_a_parquet_file_gives_its_pictures_labels_and_names(tmp_path):
    about = {"info": {"features": {"label": {"names": ["ant", "bee", "cat"]}}}}
    found = loaded(parquet(tmp_path / "mine.parquet", cells(), [0, 1, 0, 1, 0, 2], about))
    assert found.classes == ("ant", "bee", "cat")
    assert found.y.tolist() == [0, 1, 0, 1, 0, 2]
    assert np.array_equal(found.pixels, PIXELS.transpose(0, 3, 1, 2))
    named = loaded(parquet(tmp_path / "named.parquet", [png(p) for p in PIXELS], list("babbab")))
    assert named.classes == ("a", "b")
    assert named.y.tolist() == [1, 0, 1, 1, 0, 1]


@pytest.mark.parametrize(("make", "sentence"), [
    (lambda f: f.with_suffix(".zip").write_bytes(b"PK no"), "cannot be read as a .zip file"),
    (lambda f: zipped(f.with_suffix(".zip"), {"a.png": png(PIXELS[0])}), "holds no folders with"),
    (lambda f: zipped(f.with_suffix(".zip"), {"a/1.png": b"no"}), "a/1.png cannot be read as a picture"),
    (lambda f: zipped(f.with_suffix(".zip"), pictures("x/") | pictures("y/")), "pictures below 2 folders"),
    (lambda f: zipped(f.with_suffix(".zip"), {"a/1.png": png(PIXELS[0]), "a/2.png": png(PIXELS[1][:4])}),
     "a/2.png has 4x7 pixels, the first picture 9x7"),
    (lambda f: f.with_suffix(".parquet").write_bytes(b"PAR1 no"), "cannot be read as a .parquet file"),
    (lambda f: parquet(f.with_suffix(".parquet"), cells(), [0, 1, 0, -1, 0, 2]), "has 6 labels; expected"),
    (lambda f: parquet(f.with_suffix(".parquet"), cells(), [0.5] * 6), "has 6 labels; expected"),
    (lambda f: parquet(f.with_suffix(".parquet"), [1] * 6, [0] * 6), "the image in row 0 is a int"),
    (lambda f: pq.write_table(pa.table({"a": [1]}), f.with_suffix(".parquet")), "has columns a; expected"),
])  # fmt: skip
def test_what_is_no_such_file_is_one_sentence(tmp_path, make, sentence):
    make(tmp_path / "mine")
    (file,) = [p for p in tmp_path.iterdir() if p.suffix in (".zip", ".parquet")]
    with pytest.raises(ResqError, match=sentence):
        loaded(file)


def test_pictures_of_many_sizes_are_brought_to_one(tmp_path):
    entries = {"a/1.png": png(PIXELS[0]), "b/2.png": png(PIXELS[1][:4])}
    assert loaded(zipped(tmp_path / "mine.zip", entries), size=(6, 5)).pixels.shape == (2, 3, 6, 5)
