"""The programme that trains robust networks on a GPU: its parts against the lab's, and all of it, tiny."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.gpu import images, judge, learner, methods, network, pack, plan, strong, train, words
from resq import checkpoints, networks
from resq.checkpoints import packed as codes
from resq.core import Encoding
from resq.core.paths import ROOT
from resq.memory import quant

CPU = torch.device("cpu")
EPS = 8 / 255


@pytest.fixture(scope="module")
def thin() -> network.ResNet18:
    torch.manual_seed(0)
    made = network.ResNet18(width=8)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pictures() -> images.Images:
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 256, (40, 3, 32, 32), dtype=np.uint8)
    return images.learned(pixels, rng.integers(0, 10, 40), CPU)


# The network and its images


def test_the_network_is_the_labs_name_by_name_and_answer_by_answer():
    theirs = networks.build("resnet18", 10, mean=network.MEAN, std=network.STD, seed=1).eval()
    own = network.ResNet18().eval()
    own.load_state_dict(theirs.body.state_dict())
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(own(x), theirs(x), atol=1e-5, rtol=1e-5)
    assert network.weight_names(own) == networks.weight_names(theirs.body)


def test_without_the_pool_every_group_sees_four_times_the_pixels():
    shapes = {}
    for pool in (True, False):
        made = network.ResNet18(pool, width=8).eval()
        made.layer1.register_forward_hook(lambda m, given, out, pool=pool: shapes.update({pool: out.shape}))
        made(torch.rand(1, 3, 32, 32))
    assert (shapes[True][2], shapes[False][2]) == (16, 32)


def test_a_batch_is_crops_of_its_own_rows_half_of_them_mirrored(pictures):
    torch.manual_seed(0)
    rows = torch.arange(40)
    x, y = pictures.batch(rows)
    assert torch.equal(y, pictures.y)
    found = [_where(pictures.padded[i], (x[i] * 255).round().byte()) for i in range(40)]
    assert len({place[:2] for place in found}) > 20
    assert 8 < sum(mirrored for *_, mirrored in found) < 32


def _where(padded, picture):
    for mirrored in (False, True):
        for top in range(9):
            for left in range(9):
                part = padded[:, top : top + 32, left : left + 32]
                if torch.equal(part.flip(2) if mirrored else part, picture):
                    return top, left, mirrored
    raise AssertionError("the picture is no crop of its image")


def test_the_held_out_rows_are_the_last_of_a_fixed_permutation():
    rows = images.held_out()
    mixed = np.random.default_rng(20261128).permutation(50_000)
    assert sorted(mixed[-2000:]) == rows.tolist()


# Words


@pytest.mark.parametrize(("bits", "name"), [(8, "int8"), (4, "int4")])
def test_codes_are_those_of_the_lab(bits, name):
    weight = torch.randn(6, 5, 3, 3, generator=torch.Generator().manual_seed(0))
    weight[2] = 0.25  # a channel of equal weights
    found, scale, zero = words.coded(weight, bits)
    theirs = quant.quantize(weight.numpy(), Encoding.parse(name))
    assert np.array_equal(found.numpy().reshape(theirs.words.shape), theirs.words)
    read = words.read(found, scale, zero, weight).numpy()
    assert np.array_equal(read, quant.dequantize(theirs))


@pytest.mark.parametrize("bits", [8, 4])
def test_the_lab_reads_the_files_as_the_programme_does(bits, thin, tmp_path):
    file = tmp_path / "net.safetensors"
    words.write(thin, file, bits)
    theirs, own = codes.unpack(load_file(file)), words.load(file, CPU)
    assert set(theirs) == set(own.state_dict())
    assert all(np.array_equal(theirs[k], v.numpy()) for k, v in own.state_dict().items())


def test_bits_flip_at_their_rate_and_tripled_ones_where_two_copies_do():
    torch.manual_seed(0)
    kept = torch.zeros(200_000, dtype=torch.int32)
    hit = words.struck(kept, 4, 0.1)
    shares = [float((hit >> bit & 1).float().mean()) for bit in range(4)]
    assert shares[:2] == pytest.approx([0.1, 0.1], abs=0.004)
    assert shares[2:] == pytest.approx([0.028, 0.028], abs=0.002)


# Moving and learning


@pytest.mark.parametrize(
    ("number", "least", "most"), [(0, 2.5, 3), (1, 2.5, 3), (2, 1, 1), (3, 1, 1), (4, 1, 1)]
)
def test_images_move_as_far_as_their_method_says(number, least, most, thin):
    torch.manual_seed(0)
    x, y = torch.rand(8, 3, 32, 32), torch.arange(8)
    far = float((methods.moved(thin, x, y, methods.METHODS[number]) - x).abs().max()) / EPS
    assert least - 1e-3 <= far <= most + 1e-3


def test_what_is_asked_for_mixes_labels_smoothing_and_the_teacher(thin):
    x, y = torch.rand(4, 3, 32, 32), torch.tensor([0, 3, 3, 9])
    smooth = methods.asked(x, y, methods.Method("a", "none", smooth=0.2), None)
    assert float(smooth[1, 3]) == pytest.approx(0.82)
    assert float(smooth[1, 4]) == pytest.approx(0.02)
    taught = methods.asked(x, y, methods.Method("a", "none", smooth=0.0, taught=0.5), thin)
    with torch.no_grad():
        answers = (thin(x) / 2).softmax(1)
    torch.testing.assert_close(taught, 0.5 * nn.functional.one_hot(y, 10) + 0.5 * answers)


def test_a_step_is_that_of_sgd_with_nesterov_and_the_average_follows_late(pictures, monkeypatch):
    made = learner.Learner(network.ResNet18(width=8), pictures, 4, lambda *given: torch.zeros(()))
    first = [p.clone().requires_grad_() for p in made.master]
    theirs = torch.optim.SGD(first, lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    generator = torch.Generator().manual_seed(0)
    for step in range(3):
        slopes = [torch.randn(p.shape, generator=generator) for p in first]
        monkeypatch.setattr(made, "gradients", lambda slopes=slopes: [s.clone() for s in slopes])
        before = [p.clone() for p in made.mean]
        made.run(torch.arange(4), 0.1, 1.0 if step < 2 else 0.25)
        for p, slope in zip(first, slopes, strict=True):
            p.grad = slope
        theirs.step()
    for own, other, mean, old in zip(made.master, first, made.mean, before, strict=True):
        torch.testing.assert_close(own, other.detach())
        torch.testing.assert_close(mean, old + 0.25 * (own - old))


def test_training_on_the_words_cuts_weights_and_writes_no_flip_into_them(pictures):
    torch.manual_seed(0)
    start = network.ResNet18(width=8)
    with torch.no_grad():
        start.conv1.weight[0, 0, 0, 0] = 5.0
    most = 3 * float(start.conv1.weight.detach().std())
    made = words.WordLearner(start, pictures, 8, methods.METHODS[0], 0.4)
    made.run(torch.arange(8), 0.0, 1.0)
    cut = made.finished().conv1.weight
    assert float(cut.max()) == pytest.approx(most, rel=1e-5)
    assert bool(torch.isfinite(made.loss_sum))


def test_a_run_that_overfits_goes_back_to_the_look_before(pictures, monkeypatch):
    shares = iter([0.5, 0.6, 0.1, 0.9])
    monkeypatch.setattr(judge, "pgd", lambda *given: torch.tensor([next(shares)]))
    method = methods.Method("x", "none")
    made = learner.Learner(
        network.ResNet18(width=8), pictures, 8, lambda net, x, y: methods.loss(net, x, y, method, None)
    )
    states = []
    keep = made.state
    monkeypatch.setattr(made, "state", lambda: states.append(keep()) or states[-1])
    watch = train.Watch(torch.zeros(1, 3, 32, 32), torch.zeros(1), 0.0, 8.0)
    found = train.run(made, torch.arange(40), seconds=600, peak=0.1, steps=1000, watch=watch)
    assert found["overfitted_at"] is not None
    assert found["steps"] == 3
    assert all(torch.equal(a, b) for a, b in zip(made._changing(), states[2], strict=True))


class Seen(TorchDispatchMode):
    """The names of all operators that are called."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


# What waits for the device, or has a result whose size depends on values: a CUDA graph can record none of it.
WAITS = {
    "_local_scalar_dense",
    "item",
    "nonzero",
    "masked_select",
    "is_nonzero",
    "equal",
    "_unique2",
    "bincount",
}


@pytest.mark.parametrize("number", [*range(5), "words"])
def test_a_step_has_nothing_that_a_graph_cannot_record(number, pictures, thin):
    if number == "words":
        made = words.WordLearner(network.ResNet18(width=8), pictures, 8, methods.METHODS[0], 0.05)
    else:
        method = methods.METHODS[number]
        made = learner.Learner(
            network.ResNet18(width=8), pictures, 8, lambda net, x, y: methods.loss(net, x, y, method, thin)
        )
    with Seen() as seen:
        made.step()
    assert {"convolution", "convolution_backward", "native_batch_norm"} & seen.names
    assert not WAITS & seen.names


# The plan


def test_the_method_of_the_largest_sum_is_chosen_the_cheaper_one_where_two_tie():
    rows = {"n-fgsm": (0.7, 0.4), "pgd-2": (0.65, 0.45), "trades-2": (0.6, 0.49), "fgsm-rs": (0.8, 0.2)}
    found = {name: {"clean": clean, "robust": robust} for name, (clean, robust) in rows.items()}
    assert plan.chosen(found).name == "n-fgsm"
    found["pgd-2"]["robust"] = 0.46
    assert plan.chosen(found).name == "pgd-2"


def test_the_runs_fill_the_time_and_leave_the_tail():
    shares, left = plan.Shares(over=4, tail=70), 540.0
    for name in plan.WEIGHTS:
        left -= shares.turn(name, left) + 4
    assert left == pytest.approx(70)
    late = plan.Shares(over=4, tail=70)
    assert late.turn("pilot-n-fgsm", 120.0) == 0


# Strong attacks, and everything


def test_what_withstood_is_noted_after_each_attack_and_gone_on_with(thin):
    pytest.importorskip("pyautoattack")
    torch.manual_seed(0)
    x = torch.rand(6, 3, 32, 32)
    y = thin(x).argmax(1)
    notes = []
    found = strong.withstood(
        thin, x, y, ["apgd-ce"], lambda state: notes.append(dict(state)), cut=0.12, eps=EPS
    )
    assert found["clean"].all()
    assert not (found["apgd-ce"] & ~found["clean"]).any()
    assert float(found["apgd-ce|moved_255"]) <= 8.001
    only = {k: v for k, v in found.items() if "|" not in k}
    more = strong.withstood(thin, x, y, ["square"], notes.append, before=only, cut=0.002, eps=EPS)
    assert not (more["square"] & ~found["apgd-ce"]).any()
    assert len(notes) == 2


def _parquet(file: Path, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    raws = []
    for _ in range(n):
        raw = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(raw, "WEBP", lossless=True)
        raws.append(raw.getvalue())
    pq.write_table(pa.table({"img": raws, "label": rng.integers(0, 10, n)}), file)


@pytest.mark.timeout(400)
def test_the_whole_programme_tiny_with_a_part_that_comes_later(tmp_path):
    pytest.importorskip("pyautoattack")
    for name, n in (("a", 256), ("test", 6), ("late", 256)):
        _parquet(tmp_path / f"{name}.parquet", n, n)
    late = threading.Timer(3, lambda: (tmp_path / "late.parquet").rename(tmp_path / "b.parquet"))
    late.start()
    out = tmp_path / "out"
    words_ = [sys.executable, "-m", "benchmarks.gpu", "--tiny", "--out", str(out), "--workers", "1"]
    words_ += ["--parts", str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")]
    words_ += ["--test", str(tmp_path / "test.parquet"), "--seconds", "120", "--patience", "60"]
    done = subprocess.run(words_, cwd=ROOT, capture_output=True, text=True, check=False)
    late.cancel()
    assert done.returncode == 0, done.stderr[-2000:]
    log = json.loads((out / "log.json").read_text())
    assert log["end"]["parts"] == 2
    assert log["images"] == {"learned": 461, "held": 51}
    assert log["chosen"] in log["runs"]["first"]["method"]["name"]
    assert set(log["runs"]) == set(plan.WEIGHTS)
    assert not [key for key in log if "failed" in key]
    for name in log["runs"]:
        assert (out / "nets" / f"{name}.safetensors").exists()
        assert set(np.load(out / "tests" / f"{name}.npz")) == {"clean", "pgd50"}
    assert (out / "attacks" / "pilot-n-fgsm.npz").exists()


# To another machine and back


@pytest.mark.parametrize(("variant", "encoding"), [("base", "int8"), ("words", "int4-tmr2")])
def test_a_packed_network_is_what_its_stored_words_are_read_as(variant, encoding, tmp_path, monkeypatch):
    name, file = f"signs/resnet20/{variant}", tmp_path / "net.safetensors"
    pack.network(name, encoding, file)
    checkpoint, tensors = checkpoints.load(name), load_file(file)
    stored = checkpoint.quantized(Encoding.parse(encoding))
    for key, value in checkpoint.state.items():
        wanted = quant.dequantize(stored.weights[key]) if key in stored.weights else value
        assert np.array_equal(words._weight(key, tensors), wanted)


def test_loads_hold_every_image_in_order_and_keep_their_size(tmp_path, monkeypatch):
    pytest.importorskip("pyautoattack")
    for name, n in (("train", 900), ("test", 40)):
        _parquet(tmp_path / f"{name}.parquet", n, n)
    monkeypatch.setattr(pack, "TESTS", 8)
    whole = pq.read_table(tmp_path / "train.parquet")
    loads = pack.pack(tmp_path / "train.parquet", tmp_path / "test.parquet", tmp_path / "to", 1.8, shipped={})
    parts = [pq.read_table(next(load.glob("train-*.parquet"))) for load in loads]
    assert len(loads) > 1
    assert pa.concat_tables(parts).equals(whole)
    assert all(pack._size(load) <= 1.8 * pack.MIB for load in loads)
    assert len(pq.read_table(loads[0] / "test.parquet")) == 8
    assert (loads[0] / "benchmarks" / "gpu" / "drive.sh").exists()
    with pytest.raises(ValueError, match=r"0\.1 MiB have no room for images beside"):
        pack.pack(tmp_path / "train.parquet", tmp_path / "test.parquet", tmp_path / "no", 0.1, shipped={})


@pytest.mark.skipif(shutil.which("setsid") is None, reason="drive.sh is for Linux")
def test_a_programme_that_failed_is_begun_again_without_graphs_and_what_there_is_comes_home(tmp_path):
    home, load, out = (tmp_path / name for name in ("home", "load", "out"))
    for folder in (home / "out" / "nets", load, out, tmp_path / "bin"):
        folder.mkdir(parents=True)
    (home / "out" / "log.json").write_text('{"failed": "x"}')
    (home / "out" / "nets" / "first.safetensors").write_text("of the first run")
    (home / "pid").write_text("999999999")
    (load / "train-2.parquet").write_text("images")
    (load / "base.safetensors").write_text("codes")
    python = tmp_path / "bin" / "python3"
    python.write_text(
        "#!/bin/sh\nmkdir -p again/nets; echo '{}' > again/log.json; echo $* > again/asked.txt\n"
        "echo words > again/nets/first-words.safetensors\n"
    )
    python.chmod(0o755)
    script = Path(pack.__file__).with_name("drive.sh")
    path = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    asked = ["bash", str(script), str(home), str(load), "120", str(out)]
    subprocess.run(asked, env=path, check=True, capture_output=True, timeout=60)
    assert (home / "shipped" / "base.safetensors").exists()
    assert "--eager" in (home / "again" / "asked.txt").read_text()
    assert (out / "first.safetensors").read_text() == "of the first run"
    assert (out / "first-words.safetensors").exists()
    with tarfile.open(out / "results.tgz") as packed:
        names = packed.getnames()
    assert {"out/log.json", "again/log.json"} <= set(names)
    assert not any("nets" in name for name in names)
