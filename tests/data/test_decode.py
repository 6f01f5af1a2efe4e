"""Pictures of every kind come out upright, in their full range, on white; class order is known."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dashboard.model.own import uploads
from resq import data
from resq.cli import main
from resq.data import DATASETS, decode
from resq.data.pictures import image_folder
from tests.data.test_data import _encoded, _photos, _write, here  # noqa: F401 (fixture)

GREY = np.kron(np.arange(16, dtype=np.uint8).reshape(4, 4) * 12 + 40, np.ones((8, 8), np.uint8))  # 40..220


def png(image: Image.Image, kind: str = "PNG", **more) -> bytes:
    raw = io.BytesIO()
    image.save(raw, kind, **more)
    return raw.getvalue()


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_is_upright_whatever_its_exif_says(turn):
    upright = Image.fromarray(np.stack([GREY, GREY.T, 255 - GREY], -1))
    undo = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90",
            7: "TRANSVERSE", 8: "ROTATE_270"}  # fmt: skip
    stored = upright.transpose(Image.Transpose[undo[turn]]) if turn > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = turn
    pixels, said = uploads.picture(png(stored, exif=exif.tobytes()))
    assert np.array_equal(pixels, np.asarray(upright).transpose(2, 0, 1))
    assert ("turned as its EXIF data says" in said) == (turn > 1)


def test_grey_of_sixteen_bits_keeps_its_range():
    pixels, said = uploads.picture(png(Image.fromarray(GREY.astype(np.uint16) * 257)))
    assert np.array_equal(pixels[0], GREY)
    assert said == "16-bit grey scaled to 8 bits"


def test_a_palette_is_read_as_its_colours():
    colours = Image.fromarray(np.stack([GREY, 255 - GREY, GREY.T], -1))
    palette = colours.quantize(256, dither=Image.Dither.NONE)
    pixels, _ = uploads.picture(png(palette))
    assert np.array_equal(pixels, np.asarray(palette.convert("RGB")).transpose(2, 0, 1))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_on_white_and_is_said(mode):
    clear = Image.new("RGBA", (32, 32), (10, 20, 30, 0))
    clear.paste((200, 0, 0, 255), (0, 0, 16, 32))
    image = clear.quantize(8) if mode == "P" else clear.convert(mode)
    pixels, said = uploads.picture(png(image))
    assert (pixels[:, :, 16:] == 255).all()
    assert pixels[0, 0, 0] in ((200,) if mode != "LA" else (60,))
    assert said == "transparent parts lie on white"
    assert not uploads.picture(png(Image.new("RGBA", (32, 32), (1, 2, 3, 255))))[1]


def test_folders_parquet_cells_and_uploads_are_decoded_alike(own_folders, here):  # noqa: F811
    file = png(Image.fromarray(GREY.astype(np.uint16) * 257))
    for split in ("train", "test"):
        (own_folders / "own" / split / "a").mkdir(parents=True)
        (own_folders / "own" / split / "a" / "0.png").write_bytes(file)
    (here / "cifar10").mkdir(parents=True)
    pq.write_table(pa.table({"img": [file], "label": [0]}), here / "cifar10" / "test.parquet")
    found = [
        uploads.picture(file)[0],
        data.load("cifar10", "test").pixels[0],
        image_folder(own_folders / "own").load("test", False).pixels[0],
    ]
    for pixels in found:
        assert np.array_equal(pixels[0], GREY)


def test_one_limit_holds_for_all(own_folders, here):  # noqa: F811
    large = png(Image.new("1", (6000, 6000)))
    said = r"6000x6000 pixels; at most 25000000 are decoded"
    with pytest.raises(ValueError, match=said):
        uploads.picture(large)
    (here / "cifar10").mkdir(parents=True)
    pq.write_table(pa.table({"img": [large], "label": [0]}), here / "cifar10" / "test.parquet")
    with pytest.raises(ValueError, match=said):
        data.load("cifar10", "test")
    assert decode.LARGEST == 25_000_000


def folder(root: Path, names: list[str]) -> Path:
    for split in ("train", "test"):
        for at, name in enumerate(names):
            (root / split / name).mkdir(parents=True)
            Image.new("RGB", (32, 32), (at, 0, 0)).save(root / split / name / "0.png")
    return root


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["b", "10", "9"], ("10", "9", "b")),
        (["10", "9", "0"], ("0", "9", "10")),
        (["00010", "00009"], ("00009", "00010")),
    ],
)
def test_classes_stand_in_the_order_of_text_or_of_numbers_where_all_are_and_are_shown(
    own_folders, monkeypatch, capsys, names, order
):
    source = image_folder(folder(own_folders / "x", names))
    assert source.classes == order
    monkeypatch.setitem(DATASETS, "x", source)
    assert main(["data", "x"]) == 0
    assert (
        f"class order: {', '.join(f'{i} {name}' for i, name in enumerate(order))}" in capsys.readouterr().out
    )


def test_a_plugin_may_give_the_order(own_folders):
    root = folder(own_folders / "x", ["a", "b", "c"])
    source = image_folder(root, classes=("c", "a", "b"))
    assert source.classes == ("c", "a", "b")
    assert source.load("test", False).pixels[:, 0, 0, 0].tolist() == [2, 0, 1]
    for wrong in (("a", "b"), ("a", "b", "b"), ("a", "b", "d")):
        with pytest.raises(ValueError, match=r"classes are a, b.*; the folders of .* are a, b, c"):
            image_folder(root, classes=wrong)


def test_the_same_split_stored_twice_is_refused(here):  # noqa: F811
    photos = _photos(6)
    _write(here / "cifar10/test.parquet", photos, [0] * 6)
    _write(here / "cifar10/plain/test-00000-of-00002.parquet", photos[:3], [0] * 3, layout="hf")
    _write(here / "cifar10/plain/test-00001-of-00002.parquet", photos[3:], [0] * 3, layout="hf")
    with pytest.raises(ValueError, match=r"are one split stored twice \(3 equal images\); keep one of them"):
        data.load("cifar10", "test")


def test_two_whole_sets_of_shards_are_one_split_twice_however_they_are_encoded(here):  # noqa: F811
    for folder_name, seed in (("a", 0), ("b", 1)):
        _write(here / f"cifar10/{folder_name}/test-00000-of-00001.parquet", _photos(3, seed=seed), [0] * 3)
    with pytest.raises(ValueError, match=r"a/test-00000.* and b/test-00000.* \(two whole sets of shards\)"):
        data.load("cifar10", "test")


def test_one_image_twice_in_a_set_is_no_split_stored_twice(here):  # noqa: F811
    photos = _photos(6)
    _write(here / "cifar10/test-0.parquet", photos[:4], [0] * 4)
    _write(here / "cifar10/test-1.parquet", photos[3:], [0] * 3)
    assert len(data.load("cifar10", "test")) == 7
