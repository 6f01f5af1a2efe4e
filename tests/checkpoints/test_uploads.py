"""A visitor's own picture: checked from its header before it is decoded; damaged files are sentences."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dashboard.model.own import uploads
from tests.pages import fine
from tests.views.test_app import opened, said, verdict


def png(width: int, height: int, colour=(200, 30, 30)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header alone says that it is huge."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + header + png(8, 8)[33:]


def test_the_middle_square_is_made_small():
    wide = Image.new("RGB", (100, 50), "black")
    wide.paste((255, 255, 255), (25, 0, 75, 50))
    file = io.BytesIO()
    wide.save(file, "PNG")
    pixels, done = uploads.picture(file.getvalue())
    assert not done
    assert pixels.shape == (3, 32, 32)
    assert pixels.dtype == np.uint8
    assert (pixels == 255).all()


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"GIF89a" + bytes(100), "neither a PNG nor a JPEG"),
        (b"", "neither a PNG nor a JPEG"),
        (bomb(60_000, 60_000), "decompression bomb"),
        (bomb(5_001, 5_000), "5001x5000 pixels"),
        (png(4, 100), "4 x 100 pixels"),
        (png(64, 64)[:-30], "cannot be decoded"),
        (bytes(uploads.MOST_BYTES + 1), "pictures up to 8 MB"),
    ],
)
def test_what_is_no_picture_to_read_is_refused_in_a_sentence(raw, sentence):
    with pytest.raises(ValueError, match=sentence):
        uploads.picture(raw)


def test_an_own_picture_is_answered_for_in_place_of_the_chosen_one():
    app = opened("bitlab")
    app.file_uploader(key="own").upload("mine.png", png(64, 64), "image/png").run()
    fine(app)
    assert "A picture of your own" in said(app)
    app.button(key="bit_7").click().run()
    fine(app)
    assert verdict(app)


def test_a_bad_picture_is_a_sentence_and_the_chosen_one_stays():
    app = opened("bitlab")
    app.file_uploader(key="own").upload("mine.png", b"no picture at all", "image/png").run()
    fine(app, "This picture is not used")
    assert "neither a PNG nor a JPEG" in said(app)
    assert "The picture shows" in said(app)
