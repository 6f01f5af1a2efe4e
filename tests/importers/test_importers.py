"""Weights from elsewhere: what fits comes in unchanged; what does not is refused and never executed."""

import json
import pickle
import re
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from resq import importers, networks
from resq.cli import main
from resq.importers import import_weights
from resq.importers.formats import torch_files
from tests.malformed import DAMAGED, Marks, malicious

ROOT = Path(__file__).resolve().parents[2]
ONES = {"mean": (0.5,) * 3, "std": (0.25,) * 3}


@pytest.fixture(scope="module")
def body() -> torch.nn.Module:
    """A ResNet-20 whose batch norms are not at their start."""
    made = networks.build("resnet20", 10, **ONES, seed=2).body
    rng = torch.Generator().manual_seed(0)
    for name, value in made.state_dict().items():
        if value.ndim == 1:
            value.add_(torch.rand(value.shape, generator=rng) / 2 * (1 if "var" in name else 0.5))
    return made.eval()


@pytest.fixture(scope="module")
def state(body) -> OrderedDict:
    return body.state_dict()


def written(value, file: Path, form: str) -> Path:
    """The value in one of the three formats."""
    if form == "safetensors":
        save_file({k: v.clone().contiguous() for k, v in value.items()}, file.with_suffix(".safetensors"))
        return file.with_suffix(".safetensors")
    torch.save(value, file, _use_new_zipfile_serialization=form == "zip")
    return file


def same(brought: importers.ImportedWeights, state) -> bool:
    return list(brought.state) == list(state) and all(
        np.array_equal(brought.state[name], value.numpy()) for name, value in state.items()
    )


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize(
    "prefix", ["", "module.", "model.", "_orig_mod.", "net.", "backbone.", "module.model."]
)
def test_every_format_and_prefix_gives_the_same_state(state, tmp_path, form, prefix):
    file = written({prefix + k: v for k, v in state.items()}, tmp_path / "x.pt", form)
    assert same(import_weights(file, "resnet20", 10), state)


@pytest.mark.parametrize("form", ["zip", "legacy"])
@pytest.mark.parametrize("nest", torch_files.NESTS)
def test_a_nested_state_dict_is_found_beside_bookkeeping(state, tmp_path, form, nest):
    about = {
        "epoch": 3,
        "best": 0.91,
        "acc": np.float64(1.5),
        "optimizer": {"state": {0: {"m": torch.ones(2)}}},
    }
    brought = import_weights(written({**about, nest: state}, tmp_path / "x.th", form), "resnet20", 10)
    assert same(brought, state)
    assert f"taken from {nest}" in brought.how


def test_torch_reads_the_same_numbers_from_views_and_other_kinds_of_floats(state, tmp_path):
    odd = OrderedDict(state)
    odd["conv1.weight"] = state["conv1.weight"].to(memory_format=torch.channels_last)
    odd["layer1.0.conv1.weight"] = torch.cat([state["layer1.0.conv1.weight"]] * 2)[16:]
    odd["linear.weight"] = state["linear.weight"].bfloat16()
    odd["linear.bias"] = torch.nn.Parameter(state["linear.bias"].double())
    file = written(odd, tmp_path / "x.pt", "zip")
    expected = {k: v.float() if v.is_floating_point() else v for k, v in torch.load(file).items()}
    assert same(import_weights(file, "resnet20", 10), {k: v.detach() for k, v in expected.items()})


def test_counters_that_are_missing_are_filled_with_zero(state, tmp_path):
    bare = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    assert same(import_weights(written(bare, tmp_path / "x.pt", "zip"), "resnet20", 10), state)


@pytest.mark.parametrize("form", ["zip", "safetensors"])
def test_another_name_of_the_last_layer_is_matched_by_shape(state, tmp_path, form):
    renamed = {k.replace("linear", "fc"): v for k, v in state.items()}
    brought = import_weights(written(renamed, tmp_path / "x.pt", form), "resnet20", 10)
    assert same(brought, state)
    assert "2 tensors matched by order and shape, the others by name" in brought.how


def test_a_file_with_all_names_changed_is_matched_by_order_only_where_it_keeps_an_order(state, tmp_path):
    renamed = {f"z{90 - i}.{k.rsplit('.', 1)[-1]}": v for i, (k, v) in enumerate(state.items())}
    assert same(import_weights(written(renamed, tmp_path / "x.pt", "zip"), "resnet20", 10), state)
    with pytest.raises(ValueError, match=r"lack bn1\.bias, which resnet20 has with shape 16"):
        import_weights(written(renamed, tmp_path / "x.pt", "safetensors"), "resnet20", 10)


def test_folded_batch_norms_are_unfolded_into_the_same_function(body, state, tmp_path):
    folded = OrderedDict()
    for name, module in body.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            norm = body.get_submodule(name.replace("conv", "bn"))
            fused = torch.nn.utils.fusion.fuse_conv_bn_eval(module, norm)
            folded |= {f"{name}.weight": fused.weight.detach(), f"{name}.bias": fused.bias.detach()}
    folded |= {k: v for k, v in state.items() if k.startswith("linear")}
    brought = import_weights(written(folded, tmp_path / "x.pt", "zip"), "resnet20", 10)
    network = networks.restore("resnet20", brought.state, **ONES, classes=10)
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(network.body(x), body(x), rtol=1e-5, atol=1e-5)
    del folded["layer1.0.conv1.bias"]
    with pytest.raises(ValueError, match=r"lacks layer1\.0\.conv1\.bias of shape 16"):
        import_weights(written(folded, tmp_path / "y.pt", "zip"), "resnet20", 10)


def test_an_imagenet_stem_is_told_apart(tmp_path):
    state = networks.build("resnet18", 10, **ONES).body.state_dict()
    state["conv1.weight"] = torch.zeros(64, 3, 7, 7)
    with pytest.raises(ValueError, match=r"64x3x7x7: an ImageNet stem, .* expected the 3x3 stem .* 64x3x3x3"):
        import_weights(written(state, tmp_path / "x.pt", "zip"), "resnet18", 10)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("linear.weight", torch.zeros(100, 64), r"linear\.weight has shape 100x64; .* 10 classes has 10x64"),
        ("conv1.weight", torch.zeros(16, 3, 5, 5), r"16x3x5x5: an ImageNet stem"),
        ("bn1.bias", torch.zeros(17), r"bn1\.bias has shape 17; .* has 16"),
        ("bn1.bias", None, r"lack bn1\.bias, which resnet20 has with shape 16"),
        ("more.weight", torch.zeros(3), r"hold more\.weight, which resnet20 does not have"),
        ("bn1.bias", torch.full((16,), torch.nan), r"bn1\.bias of shape 16 holds 16 numbers that are NaN"),
        ("bn1.bias", torch.full((16,), -torch.inf), r"bn1\.bias of shape 16 holds 16 numbers"),
        ("conv1.weight", torch.full((16, 3, 3, 3), 1e9), r"432 numbers that .* beyond 65504"),
        ("bn1.running_var", torch.full((16,), -1.0), r"bn1\.running_var holds -1; a variance is at least 0"),
        ("conv1.weight", torch.zeros(16, 3, 3, 3, dtype=torch.int8), r"conv1\.weight holds .* i1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_tensor_that_does_not_fit_is_named(state, tmp_path, form, name, value, said):
    wrong = OrderedDict(state)
    if value is None:
        del wrong[name]
    else:
        wrong[name] = value
    with pytest.raises(ValueError, match=said):
        import_weights(written(wrong, tmp_path / "x.pt", form), "resnet20", 10)


def refused(file: Path, network: str = "resnet20") -> str:
    with pytest.raises(ValueError, match=r"\S") as caught:
        import_weights(file, network, 10)
    said = str(caught.value)
    assert "\n" not in said
    assert file.name in said
    assert len(said) < 400
    return said


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_with_a_sentence(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(DAMAGED[name])
    refused(file)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("giant stride 0.pt", "claims 1099511627776 elements for 'w' of shape 1099511627776, but stores 4"),
        ("bomb.pt", "torch.save does not compress"),
        ("zip instance.pt", "pickle opcode INST"),
        ("tar.pt", "torch's format before 0.1.12"),
        ("header 2**40.safetensors", "claims a header of 1099511627776 bytes; it may have 2"),
        ("text.pt", "neither a .safetensors file nor one that torch.save wrote"),
    ],
)
def test_the_sentence_says_what_came_and_what_was_expected(tmp_path, name, said):
    file = tmp_path / name
    file.write_bytes(DAMAGED[name])
    assert said in refused(file)


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_file_cut_off_anywhere_is_refused(state, tmp_path, form):
    raw = written(state, tmp_path / "x.pt", form).read_bytes()
    for part in (1e-6, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.9, 0.99, 0.999):
        file = tmp_path / ("cut.safetensors" if form == "safetensors" else "cut.pt")
        file.write_bytes(raw[: int(len(raw) * part) + 1])
        refused(file)
    file.write_bytes(raw[:-1])
    refused(file)


def test_a_flipped_bit_in_a_zip_is_noticed(state, tmp_path):
    raw = written(state, tmp_path / "x.pt", "zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "x.pt") as archive:
        parts = [i for i in archive.infolist() if i.file_size > 1000]
    for part in parts[::3]:
        hurt = bytearray(raw)
        hurt[part.header_offset + part.file_size // 2 + 200] ^= 4
        file = tmp_path / "flip.pt"
        file.write_bytes(hurt)
        refused(file)


def test_a_directory_a_missing_file_and_one_too_large_are_refused(tmp_path):
    (tmp_path / "folder.pt").mkdir()
    assert "is not a file" in refused(tmp_path / "folder.pt")
    assert "no file at" in refused(tmp_path / "missing.pt")
    with (tmp_path / "large.safetensors").open("wb") as f:
        f.truncate(2**30)  # sparse: takes no space
    assert "a checkpoint has at most 536870912" in refused(tmp_path / "large.safetensors")


def test_code_in_a_file_is_named_and_never_run(tmp_path):
    marker = tmp_path / "marker"
    for name, raw in malicious(marker).items():
        file = tmp_path / "evil.pt"
        file.write_bytes(raw)
        said = refused(file)
        assert not marker.exists(), name
        assert re.search("which is code|opcode", said), (name, said)
    with pytest.raises(ZeroDivisionError):  # the same kind of file, loaded as pickles are, does run
        pickle.loads(pickle.dumps(Marks(eval, "1/0")))


def test_import_writes_a_checkpoint_whose_card_says_where_it_comes_from(own_folders, state, capsys):
    file = written(
        {"state_dict": {f"module.{k}": v for k, v in state.items()}}, own_folders / "best.v1.th", "legacy"
    )
    given = ["import", str(file), "--network", "resnet20", "--data", "cifar10", "--json"]
    assert main(given) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["name"] == "cifar10/resnet20/best-v1"
    assert card["measured"] == "not measured: no cifar10 images on this machine"
    assert card["source"]["file"] == "best.v1.th"
    assert "matched by name" in card["names"]
    assert "test" not in card
    assert not list((own_folders / "work").glob("import*"))
    assert main(given) == 2
    assert "exists already; --name keeps both, --overwrite replaces it" in capsys.readouterr().err
    assert main([*given, "--overwrite"]) == 0
    assert main([*given, "--name", "cifar10/resnet20/../x"]) == 2


@pytest.mark.parametrize(
    ("factor", "said"), [(1e-3, ""), (1e-5, "conv1.weight of shape 16x3x3x3 holds numbers as small")]
)
def test_weights_too_small_for_float16_are_refused_before_it_rounds_them(state, tmp_path, factor, said):
    """A norm after a convolution undoes any factor, so a file may hold weights of any size."""
    small = OrderedDict((k, v * factor if k == "conv1.weight" else v) for k, v in state.items())
    file = written(small, tmp_path / "x.pt", "zip")
    if said:
        assert said in refused(file)
    else:
        assert same(import_weights(file, "resnet20", 10), small)
