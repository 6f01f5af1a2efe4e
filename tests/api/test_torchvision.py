"""Networks of torchvision that nobody here listed: swept, attacked and mapped layer by bit in a few lines."""

import inspect
from pathlib import Path

import pytest
import torch

import resq
from resq.platform.torchvision_compat import compiled, torchvision

models = torchvision().models


def ten_lines(model):
    x, y = resq.load_images("signs", n=4)
    swept = resq.sweep(model, x, y, encoding="int8", ber=[0, 1e-3], maps=1)
    attacked = resq.attack(model, x, y, eps=8, attack="fgsm")
    heat = resq.sensitivity(model, x, y)
    figures = swept.plot(), attacked.plot(), heat.plot()
    return swept, attacked, heat, figures


def convnext():
    """ConvNeXt with every kind of layer that the published sizes have, and fewer of each."""
    blocks = models.convnext.CNBlockConfig
    return models.ConvNeXt([blocks(24, 48, 2), blocks(48, None, 2)], num_classes=16)


def vit():
    """A vision transformer of two layers."""
    return models.VisionTransformer(32, 8, 2, 2, 48, 96, num_classes=16)


@pytest.mark.parametrize("make", [lambda: models.mobilenet_v3_small(num_classes=16), convnext, vit],
                         ids=["mobilenet_v3_small", "convnext", "vit"])  # fmt: skip
def test_a_network_of_torchvision_is_swept_attacked_and_mapped_in_at_most_ten_lines(make):
    torch.manual_seed(0)
    model = make()
    assert len(inspect.getsource(ten_lines).splitlines()) <= 10
    swept, attacked, heat, figures = ten_lines(model)
    wide = [name for name, p in model.named_parameters() if p.dim() > 1 and name.endswith("weight")]
    assert set(heat.cells["layer"]) == set(wide)
    assert len(heat.cells) == 8 * len(wide)
    assert swept.rows[1]["bits"] == 8 * sum(model.get_parameter(name).numel() for name in wide)
    assert swept.rows[1]["flips"] == pytest.approx(1e-3 * swept.rows[1]["bits"], rel=0.1)
    assert attacked.rows[0]["attack"] == "fgsm"
    assert all(figure.data for figure in figures)


@pytest.mark.parametrize("library", ["_C.so", "_C_stable.so", "_C.pyd"])
def test_the_compiled_library_is_found_by_each_name_that_it_has_had(tmp_path, library):
    for name in (library, "image_stable.so", "__init__.py", "_C_notes.txt"):
        (tmp_path / name).touch()
    assert compiled(tmp_path) == [tmp_path / library]


def test_the_installed_torchvision_has_such_a_library():
    assert compiled(Path(torchvision().__file__).parent)
