"""What is said of images is followed or refused; the same bytes in another shape are other images."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import resq
from resq.core.errors import ResqError

BASE = "signs/resnet20/base"
AT = {"ber": 0, "maps": 1}


class Wide(nn.Module):
    """Takes images of any height and width."""

    def __init__(self, channels=3):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(channels, 24, (1, 9), (1, 4)), nn.Linear(24, 16)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x - 0.5)).amax((2, 3)))


def right(model, x, y):
    with torch.no_grad():
        return int((model(x).argmax(1) == y).sum())


@pytest.fixture(scope="module")
def xy():
    return resq.load_images("signs", n=60)


def test_labels_beside_images_that_have_their_own_are_refused(xy, tmp_path):
    x, y = xy
    np.savez(tmp_path / "mine.npz", x=(x.numpy() * 255).round().astype("u1"), y=y.numpy())
    loader = DataLoader(TensorDataset(x, y), 16)
    for images in ("signs", str(tmp_path / "mine.npz"), loader, None):
        with pytest.raises(ResqError, match="labels are those of arrays and tensors"):
            resq.sweep(BASE, images, y, n=60, **AT)
    for images in ("signs", tmp_path / "mine.npz", loader):
        with pytest.raises(ResqError, match="labels are those of arrays and tensors"):
            resq.load_images(images, y, n=60)


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "n must be at least 1, got 0"),
        (-5, "n must be at least 1, got -5"),
        (10.0, "n is a whole number, such as 10, got 10.0"),
        (True, "n is a whole number, such as 10, got True"),
        ("10", "n is a whole number, such as 10, got '10'"),
    ],
)
def test_a_number_of_images_that_is_none_is_refused(n, said, xy):
    for images in (xy, ("signs",), ()):
        with pytest.raises(ResqError, match=said):
            resq.sweep(BASE, *images, n=n, **AT)
        with pytest.raises(ResqError, match=said):
            resq.load_images(*(images or ("signs",)), n=n)


def test_a_number_of_images_of_whatever_whole_type_is_followed(xy):
    assert resq.sweep(BASE, *xy, n=np.int64(10), **AT).rows[0]["n"] == 10
    assert len(resq.load_images("signs", n=torch.tensor(3))[1]) == 3


def test_images_of_a_known_set_in_another_shape_are_measured_as_they_are(xy):
    x, y = xy
    model, other = Wide().eval(), x.reshape(60, 3, 1, 1024)
    row = resq.sweep(model, other, y, encoding="fp32", **AT).rows[0]
    assert row["data"].startswith("images@")
    assert row["correct"] == right(model, other, y)
    assert resq.sweep(model, x, y, encoding="fp32", **AT).rows[0]["data"] == "signs"
    assert resq.sweep(model, x, y, encoding="fp32", **AT).rows[0]["correct"] == right(model, x, y)


def test_the_same_bytes_in_another_shape_are_another_set_with_other_keys():
    x, y = np.random.default_rng(0).integers(0, 256, (20, 3, 16, 32), np.uint8), np.arange(20) % 16
    rows = [
        resq.sweep(Wide(), images, y, encoding="fp32", **AT).rows[0]
        for images in (x, x.reshape(20, 3, 32, 16))
    ]
    assert rows[0]["data"] != rows[1]["data"]
    assert rows[0]["key"] != rows[1]["key"]


def test_all_images_of_a_small_file_are_measured_where_no_number_is_said(xy, tmp_path):
    x, y = xy
    file = str(tmp_path / "mine.npz")
    np.savez(file, x=(x.numpy() * 255).round().astype("u1"), y=y.numpy())
    assert resq.sweep(BASE, file, **AT).rows[0]["n"] == 60
    assert resq.sensitivity(BASE, file).rows[0]["n"] == 60
    with pytest.raises(ResqError, match=r"n must lie in 1\.\.60"):
        resq.sweep(BASE, file, n=61, **AT)


def test_images_of_bfloat16_are_those_of_float32_that_they_hold(xy):
    x, y = xy
    model, half = Wide().eval(), x.bfloat16()
    found = resq.sweep(model, half, y, encoding="fp32", **AT).rows[0]
    assert found["correct"] == right(model, half.float(), y)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda x, y: resq.load_images(x * 255, y), "got 0 to 255; divide those of 0 to 255 by 255"),
        (lambda x, y: resq.load_images(x - 0.5, y), r"leave normalising them to the network"),
        (lambda x, y: resq.load_images(x, y, split="train"), "got 'train' of Tensor"),
    ],
)
def test_images_that_cannot_be_used_say_what_to_do(asked, said, xy):
    with pytest.raises(ResqError, match=said):
        asked(*xy)
