"""Weights from elsewhere: what fits comes in unchanged; what does not is refused and never executed."""

import io
import json
import pickle
import re
import subprocess
import sys
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from resq import foreign, networks
from resq.cli import main
from resq.foreign import bring, files

ROOT = Path(__file__).resolve().parents[1]
ONES = {"mean": (0.5,) * 3, "std": (0.25,) * 3}


@pytest.fixture(scope="module")
def body() -> torch.nn.Module:
    """A ResNet-20 whose batch norms are not at their start."""
    made = networks.build("resnet20", 10, **ONES, seed=2).body
    chance = torch.Generator().manual_seed(0)
    for name, value in made.state_dict().items():
        if value.ndim == 1:
            value.add_(torch.rand(value.shape, generator=chance) / 2 * (1 if "var" in name else 0.5))
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


def same(brought: foreign.Brought, state) -> bool:
    return list(brought.state) == list(state) and all(
        np.array_equal(brought.state[name], value.numpy()) for name, value in state.items()
    )


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize(
    "prefix", ["", "module.", "model.", "_orig_mod.", "net.", "backbone.", "module.model."]
)
def test_every_format_and_prefix_gives_the_same_state(state, tmp_path, form, prefix):
    file = written({prefix + k: v for k, v in state.items()}, tmp_path / "x.pt", form)
    assert same(bring(file, "resnet20", 10), state)


@pytest.mark.parametrize("form", ["zip", "legacy"])
@pytest.mark.parametrize("nest", files.NESTS)
def test_a_nested_state_dict_is_found_beside_bookkeeping(state, tmp_path, form, nest):
    about = {
        "epoch": 3,
        "best": 0.91,
        "acc": np.float64(1.5),
        "optimizer": {"state": {0: {"m": torch.ones(2)}}},
    }
    brought = bring(written({**about, nest: state}, tmp_path / "x.th", form), "resnet20", 10)
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
    assert same(bring(file, "resnet20", 10), {k: v.detach() for k, v in expected.items()})


def test_counters_that_are_missing_are_filled_with_zero(state, tmp_path):
    bare = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    assert same(bring(written(bare, tmp_path / "x.pt", "zip"), "resnet20", 10), state)


@pytest.mark.parametrize("form", ["zip", "safetensors"])
def test_another_name_of_the_last_layer_is_matched_by_shape(state, tmp_path, form):
    renamed = {k.replace("linear", "fc"): v for k, v in state.items()}
    brought = bring(written(renamed, tmp_path / "x.pt", form), "resnet20", 10)
    assert same(brought, state)
    assert "2 tensors matched by order and shape, the others by name" in brought.how


def test_a_file_with_all_names_changed_is_matched_by_order_only_where_it_keeps_an_order(state, tmp_path):
    renamed = {f"z{90 - i}.{k.rsplit('.', 1)[-1]}": v for i, (k, v) in enumerate(state.items())}
    assert same(bring(written(renamed, tmp_path / "x.pt", "zip"), "resnet20", 10), state)
    with pytest.raises(ValueError, match=r"lack bn1\.bias, which resnet20 has with shape 16"):
        bring(written(renamed, tmp_path / "x.pt", "safetensors"), "resnet20", 10)


def test_folded_batch_norms_are_unfolded_into_the_same_function(body, state, tmp_path):
    folded = OrderedDict()
    for name, module in body.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            norm = body.get_submodule(name.replace("conv", "bn"))
            fused = torch.nn.utils.fusion.fuse_conv_bn_eval(module, norm)
            folded |= {f"{name}.weight": fused.weight.detach(), f"{name}.bias": fused.bias.detach()}
    folded |= {k: v for k, v in state.items() if k.startswith("linear")}
    brought = bring(written(folded, tmp_path / "x.pt", "zip"), "resnet20", 10)
    network = networks.restore("resnet20", brought.state, **ONES, classes=10)
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(network.body(x), body(x), rtol=1e-5, atol=1e-5)
    del folded["layer1.0.conv1.bias"]
    with pytest.raises(ValueError, match=r"lacks layer1\.0\.conv1\.bias of shape 16"):
        bring(written(folded, tmp_path / "y.pt", "zip"), "resnet20", 10)


def test_an_imagenet_stem_is_told_apart(tmp_path):
    state = networks.build("resnet18", 10, **ONES).body.state_dict()
    state["conv1.weight"] = torch.zeros(64, 3, 7, 7)
    with pytest.raises(ValueError, match=r"64x3x7x7: an ImageNet stem, .* expected the 3x3 stem .* 64x3x3x3"):
        bring(written(state, tmp_path / "x.pt", "zip"), "resnet18", 10)


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
        bring(written(wrong, tmp_path / "x.pt", form), "resnet20", 10)


class Marks:
    """A pickle of it runs a command where it is loaded."""

    def __init__(self, call, *arguments) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def _malicious(marker: Path) -> dict[str, bytes]:
    """Files that would create ``marker``, or take memory, if anything in them were executed."""
    import os

    code = f"open({str(marker)!r}, 'w').close()"
    objects = {
        "system": Marks(os.system, f"touch {marker}"),
        "exec": Marks(exec, code),
        "eval": Marks(eval, code),
        "popen": Marks(subprocess.Popen, ["touch", str(marker)]),
        "inside": {"state_dict": {"conv1.weight": Marks(exec, code)}},
        "network": torch.nn.Linear(2, 2),
        "objects": {"a": np.array([object()])},
    }
    found = {}
    for name, value in objects.items():
        for form in ("zip", "legacy"):
            held = io.BytesIO()
            torch.save(value, held, _use_new_zipfile_serialization=form == "zip")
            found[f"{name} {form}"] = held.getvalue()
        for protocol in (2, 4) if name in ("system", "exec") else ():
            found[f"{name} bare {protocol}"] = pickle.dumps(value, protocol)
    return found


def _zipped(pickled: bytes, **more: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("x/data.pkl", pickled)
        for name, raw in more.items():
            archive.writestr(f"x/data/{name.strip('_')}", raw)
    return held.getvalue()


def _tensor(shape: bytes, strides: bytes, numel: bytes = b"K\4", offset: bytes = b"K\0") -> bytes:
    """A zip with {"w": a tensor over the storage 0 of four floats}, sizes as pickle opcodes."""
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + b"0X\3\0\0\0cpu" + numel + b"tQ"
    call = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + offset + shape + strides + b"\x89}tR"
    return _zipped(b"\x80\2}X\1\0\0\0w" + call + b"s.", _0=bytes(16))


def _header(text: str | bytes, length: int | None = None, data: bytes = b"") -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def _entry(**changes) -> bytes:
    return _header(
        json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}}), None, bytes(16)
    )


def _bomb(compression: int) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as archive:
        for i in range(3):
            archive.writestr(f"x/data/{i}", bytes(2**24))
        archive.writestr("x/data.pkl", pickle.dumps({}, 2))
    return held.getvalue()


def _tar() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    return held.getvalue()


GIANT = b"\x8a\6" + (2**40).to_bytes(6, "little")
DAMAGED = {
    "empty.pt": b"",
    "empty.safetensors": b"",
    "text.pt": b"these are no weights\n" * 50,
    "text.safetensors": b"these are no weights\n" * 50,
    "page.pth": b"<!DOCTYPE html><html>404</html>",
    "noise.bin": bytes(range(256)) * 20,
    "protocol only.pt": b"\x80\2",
    "tar.pt": _tar(),
    "npy.pt": b"\x93NUMPY\1\0v\0{'descr': '|O'}",
    "png.pt": b"\x89PNG\r\n\x1a\n" + bytes(99),
    "header 2**63.safetensors": _header("{}", 2**63),
    "header 2**40.safetensors": _header("{}", 2**40),
    "header past end.safetensors": _header("{}", 3),
    "header deep.safetensors": _header("[" * 100_000),
    "header list.safetensors": _header("[]"),
    "header no json.safetensors": _header("{'a': 1}"),
    "header bytes.safetensors": _header(b"\xff\xfe\xff"),
    "header number.safetensors": _header('{"w": ' + "9" * 9999 + "}"),
    "header nothing.safetensors": _header("{}"),
    "entry null.safetensors": _header('{"w": null}'),
    "entry dtype.safetensors": _entry(dtype="F31"),
    "entry shape.safetensors": _entry(shape=[5]),
    "entry giant.safetensors": _entry(shape=[2**40]),
    "entry negative.safetensors": _entry(shape=[-4]),
    "entry bool.safetensors": _entry(shape=[True, 4]),
    "entry offsets.safetensors": _entry(data_offsets=[16, 0]),
    "entry beyond.safetensors": _entry(data_offsets=[16, 32]),
    "entry three.safetensors": _entry(data_offsets=[0, 8, 16]),
    "bomb.pt": _bomb(zipfile.ZIP_DEFLATED),
    "bomb bz2.pt": _bomb(zipfile.ZIP_BZIP2),
    "no pickle.pt": _zipped(b"").replace(b"data.pkl", b"dota.pkl"),
    "zip list.pt": _zipped(pickle.dumps([1, 2], 2)),
    "zip none.pt": _zipped(pickle.dumps(None, 2)),
    "zip empty dict.pt": _zipped(pickle.dumps({}, 2)),
    "zip numbers.pt": _zipped(pickle.dumps({"state_dict": {"conv1.weight": 3}}, 2)),
    "zip empty pickle.pt": _zipped(b""),
    "zip pop.pt": _zipped(b"\x80\x020000."),
    "zip mark.pt": _zipped(b"\x80\x02ttt."),
    "zip memo.pt": _zipped(b"\x80\x02}r\xff\xff\xff\x7fh\1."),
    "zip get.pt": _zipped(b"\x80\x02j\xff\xff\xff\x7f."),
    "zip extension.pt": _zipped(b"\x80\x02\x82\1."),
    "zip instance.pt": _zipped(b"(ios\nsystem\n."),
    "zip long.pt": _zipped(b"\x80\x02\x8b\xff\xff\xff\x7f."),
    "zip bytes.pt": _zipped(b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f."),
    "zip steps.pt": _zipped(b"\x80\x02" + b"N0" * 60_000 + b"N."),
    "zip deep key.pt": _zipped(b"\x80\x02})" + b"\x85" * 90_000 + b"Ns."),
    "zip deep list.pt": _zipped(b"\x80\x02" + b"]" * 45_000 + b"a" * 44_999 + b"."),
    "giant stride 0.pt": _tensor(GIANT + b"\x85", b"K\0\x85"),
    "giant stride 1.pt": _tensor(GIANT + b"\x85", b"K\1\x85"),
    "giant storage.pt": _tensor(GIANT + b"\x85", b"K\1\x85", GIANT),
    "giant offset.pt": _tensor(b"K\4\x85", b"K\1\x85", b"K\4", GIANT),
    "expanded.pt": _tensor(b"K\5\x85", b"K\0\x85"),
    "negative stride.pt": _tensor(b"K\4\x85", b"J\xff\xff\xff\xff\x85"),
    "negative size.pt": _tensor(b"J\xff\xff\xff\xff\x85", b"K\1\x85"),
    "float size.pt": _tensor(b"G" + bytes(8) + b"\x85", b"K\1\x85"),
    "unequal strides.pt": _tensor(b"K\4\x85", b")"),
    "fitting nothing.pt": _tensor(b"K\4\x85", b"K\1\x85"),
}  # fmt: skip


def refused(file: Path, network: str = "resnet20") -> str:
    with pytest.raises(ValueError, match=r"\S") as caught:
        bring(file, network, 10)
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
    for name, raw in _malicious(marker).items():
        file = tmp_path / "evil.pt"
        file.write_bytes(raw)
        said = refused(file)
        assert not marker.exists(), name
        assert re.search("which is code|opcode", said), (name, said)
    with pytest.raises(ZeroDivisionError):  # the same kind of file, loaded as pickles are, does run
        pickle.loads(pickle.dumps(Marks(eval, "1/0")))


def test_the_worst_files_take_neither_time_nor_memory(tmp_path):
    worst = [
        n for n in DAMAGED if n.startswith(("giant", "bomb", "header", "zip steps", "zip memo", "zip deep"))
    ]
    for name in worst:
        (tmp_path / name).write_bytes(DAMAGED[name])
    code = """
import resource, sys, time
from resq.foreign import bring
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
for name in sys.argv[1:]:
    before, began = peak(), time.process_time()
    try: bring(__import__("pathlib").Path(name), "resnet20", 10)
    except ValueError: print(time.process_time() - began, peak() - before)
"""
    given = [sys.executable, "-c", code, *[str(tmp_path / name) for name in worst]]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, timeout=120)
    spent = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
    assert len(spent) == len(worst), done.stderr
    assert max(seconds for seconds, _ in spent) < 2
    assert max(megabytes for _, megabytes in spent) < 500


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
