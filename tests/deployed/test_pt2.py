"""Programs of torch.export: read as data, their own words, what torch itself answers; nothing is loaded."""

import io
import json
import pickle
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import torch
from torch import nn

from resq import data
from resq.core import seeds
from resq.deployed import canary, modules, words
from resq.deployed.network import Network, find, read
from resq.deployed.pixels import Asked
from resq.deployed.twin import check
from resq.deployed.twin.module import Twin
from resq.memory import faults
from tests import pt2_files

UNIT = Asked((0.0, 1.0))
IMAGES = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    torch.manual_seed(0)
    made = {"float": pt2_files.exported(pt2_files.Small(), folder / "float.pt2", IMAGES)}
    made["fixed"] = pt2_files.exported(pt2_files.Small(), folder / "fixed.pt2", IMAGES, free=False)
    with suppress(ImportError):  # torchao is no part of the project; its programs are measured without it
        made["pt2e"] = pt2_files.pt2e(pt2_files.Small(), folder / "pt2e.pt2", IMAGES)
    return made


@pytest.fixture(params=["float", "fixed", "pt2e"])
def file(request, files):
    if request.param not in files:
        pytest.skip("torchao is not installed (pip install torchao)")
    return files[request.param]


@pytest.fixture(scope="module")
def x():
    pixels = data.load("signs", "test").first(24).pixels.copy()
    pixels.setflags(write=False)
    return pixels


def loaded(raw, x, batch):
    """What a person's script answers: torch.export.load, and batches of that size."""
    module = torch.export.load(io.BytesIO(raw)).module()
    with torch.inference_mode():
        parts = torch.from_numpy(x.astype(np.float32) / np.float32(255)).split(batch)
        return torch.cat([module(part) for part in parts]).numpy()


def test_answers_with_and_without_flips_are_those_of_torch_to_the_last_bit(file, x):
    raw = file.read_bytes()
    with Network(file, "all", UNIT, threads=1) as network:
        canary.settle(network, x)
        clean, digest = network.logits(x), network.digest()
        np.testing.assert_array_equal(clean, loaded(raw, x, network.batch))
        where = faults.FAULTS["random"](faults.region(network), 1e-2, rng=seeds.rng(0, "map"))
        changed = np.frombuffer(raw, np.uint8).copy()
        at, mask = network.places(where)
        changed[at] ^= mask
        with network.flipped(where):
            assert network.digest() != digest
            struck = network.logits(x)
        np.testing.assert_array_equal(struck, loaded(changed.tobytes(), x, network.batch))
        assert len(where) > 20
        assert (struck != clean).any()
        assert network.digest() == digest
        assert network.logits(x).tobytes() == clean.tobytes()
    assert file.read_bytes() == raw


def test_words_are_the_state_dicts_own_bytes(file):
    raw, own = file.read_bytes(), torch.export.load(file).state_dict
    with Network(file, "all", UNIT) as network:
        memory = np.frombuffer(network.parsed.memory, np.uint8)
        for stored in network.stored:
            value = own[stored.name].detach().contiguous()
            np.testing.assert_array_equal(words.numbers(memory, stored), value.numpy())
            assert raw[stored.at : stored.at + stored.n_bytes] == value.numpy().tobytes()
        kinds = {stored.name.split(".")[-1]: stored.kind for stored in network.stored}
        assert len(network.stored) == 8
    if "pt2e" in file.name:
        assert kinds["_frozen_param0"] == "weights"
        assert kinds["_scale_0"] == kinds["_zero_point_0"] == "scales"
    else:
        assert (kinds["running_mean"], kinds["bias"]) == ("norms", "biases")


def unfolded(file):
    pytest.importorskip("torchao")
    return pt2_files.pt2e(pt2_files.Small(), file, IMAGES, fold=False)


def rounded(file):
    return pt2_files.exported(pt2_files.Rounded(), file, IMAGES)


@pytest.mark.parametrize("made", [unfolded, rounded])
def test_float_weights_that_a_program_rounds_are_weights_and_only_their_scales_are_scales(tmp_path, x, made):
    torch.manual_seed(0)
    file = made(tmp_path / "rounded.pt2")
    raw = file.read_bytes()
    with Network(file, "weights", UNIT, threads=1) as network:
        assert {(s.shape, s.dtype) for s in network.stored} == {
            ((8, 3, 3, 3), "float32"),
            ((16, 8), "float32"),
        }
        others = {s.name: s.kind for s in network.parsed.stored if s not in network.stored}
        assert {name for name, kind in others.items() if kind == "scales"} == {
            name for name in others if "scale" in name or "zero" in name
        }
        assert len(others) > 3
        canary.settle(network, x)
        where = faults.FAULTS["random"](faults.region(network), 1e-2, rng=seeds.rng(0, "map"))
        changed = np.frombuffer(raw, np.uint8).copy()
        at, mask = network.places(where)
        changed[at] ^= mask
        with network.flipped(where):
            np.testing.assert_array_equal(network.logits(x), loaded(changed.tobytes(), x, network.batch))
            assert (network.logits(x) != loaded(raw, x, network.batch)).any()


@pytest.mark.parametrize("decomposed", [False, True])
def test_what_is_added_right_to_a_product_is_its_bias(tmp_path, decomposed):
    torch.manual_seed(0)
    module = pt2_files.Products()
    program = torch.export.export(module.eval(), (IMAGES,), dynamic_shapes=(pt2_files.FREE,))
    torch.export.save(program.run_decompositions() if decomposed else program, tmp_path / "products.pt2")
    kinds = {stored.name: stored.kind for stored in read(tmp_path / "products.pt2")[1].stored}
    assert kinds == {
        "patch.weight": "weights", "free": "weights", "fc.weight": "weights",
        "patch.bias": "biases", "bias": "biases", "last": "biases",
        "place": "norms",
    }  # fmt: skip


def test_a_twin_answers_the_same_and_has_gradients(file, x):
    with Network(file, "weights", UNIT, threads=1) as network:
        network.use(batch=8)
        twin = Twin(network)
        found = check.compare(network, twin, x[:8], np.zeros(8, np.int64))
        assert (found.same, found.agree, found.undisturbed) == (1.0, 1.0, True)
        assert found.layers
        assert found.parting is None
        images = IMAGES.clone().requires_grad_()
        twin.scores(images).square().sum().backward()
        assert images.grad.abs().max() > 0


def test_tensors_in_another_order_of_axes_are_read_as_they_lie(tmp_path, x):
    module = pt2_files.Small().to(memory_format=torch.channels_last)
    file = pt2_files.exported(module, tmp_path / "last.pt2", IMAGES)
    with Network(file, "weights", UNIT, threads=1) as network:
        first = network.stored[0]
        assert first.shape == (8, 3, 3, 3)
        memory = np.frombuffer(network.parsed.memory, np.uint8)
        own = module.conv.weight.detach().permute(0, 2, 3, 1).numpy()
        np.testing.assert_array_equal(words.numbers(memory, first), own)
        np.testing.assert_array_equal(network.logits(x), loaded(file.read_bytes(), x, network.batch))
        twin = Twin(network)
        np.testing.assert_allclose(check.logits(twin, x), network.logits(x), atol=1e-5)


def changed(file, to, name, text):
    """The file with one part changed, written by torch's own writer."""
    writer = torch._C.PyTorchFileWriter(str(to))
    with zipfile.ZipFile(file) as old:
        for info in old.infolist():
            raw = text(old.read(info)) if info.filename.endswith(name) else old.read(info)
            inner = info.filename.split("/", 1)[1]
            if inner not in (".data/version", "byteorder", ".data/serialization_id"):  # it writes these
                writer.write_record(inner, raw, len(raw))
    writer.write_end_of_file()
    return to


def refused(file):
    with pytest.raises(ValueError, match=file.name) as error:
        Network(file, "all", UNIT)
    return str(error.value)


HOSTILE = {
    "torch.ops.aten.from_file.default": "has the operator 'torch.ops.aten.from_file.default'",
    "torch.hub.load": "has the operator 'torch.hub.load', which is not run",
    "_operator.methodcaller": "has the operator '_operator.methodcaller', which is not run",
    "torch.ops.aten.set_.default": "which is not run",
    "torch.ops.higher_order.cond": "run program.run_decompositions() before it is saved",
    "torch.ops.mine.conv2d.default": "which is not run",
}


@pytest.mark.parametrize("target", HOSTILE)
def test_operators_that_reach_beyond_numbers_are_refused_when_the_file_is_read(files, tmp_path, target):
    def instead(raw):
        return raw.replace(b"torch.ops.aten.conv2d.default", target.encode())

    said = refused(changed(files["float"], tmp_path / "net.pt2", "models/model.json", instead))
    assert HOSTILE[target] in said


def test_an_operator_that_this_torch_does_not_have_is_refused_by_the_process_that_runs_it(files, tmp_path, x):
    def instead(raw):
        return raw.replace(b"torch.ops.aten.conv2d.default", b"torch.ops.aten.conv2d.nothing")

    file = changed(files["float"], tmp_path / "net.pt2", "models/model.json", instead)
    with Network(file, "all", UNIT) as network, pytest.raises(ValueError, match=r"no operator '.*nothing'"):
        network.logits(x)


class Bomb:
    """Says so when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def test_sample_inputs_are_never_unpickled(files, tmp_path, x):
    file = changed(files["float"], tmp_path / "net.pt2", "model.pt", lambda _: pickle.dumps(Bomb()))
    with Network(file, "all", UNIT) as network:
        assert np.isfinite(network.logits(x)).all()


def test_texts_for_operators_pickled_weights_and_outside_places_are_refused(files, tmp_path):
    def part(change, name="weights_config.json"):
        def text(raw):
            config = json.loads(raw)
            change(config)
            return json.dumps(config).encode()

        return refused(changed(files["float"], tmp_path / "net.pt2", name, text))

    def weight(**of):
        return part(lambda config: config["config"]["conv.weight"].update(of))

    def meta(change):
        return part(lambda config: change(config["config"]["conv.weight"]["tensor_meta"]))

    assert "as a pickle, which is not opened" in weight(use_pickle=True)
    assert "no part 'data/weights/../../x'" in weight(path_name="../../x")
    assert "its part does not hold them" in meta(lambda m: m["sizes"][0].update(as_int=9))
    assert "a view of other words" in meta(lambda m: m["strides"][3].update(as_int=0))
    assert "it is damaged" in meta(lambda m: m["sizes"][0].update(as_int="many"))
    inside = {"path_name": "weight_0"}
    assert "in the same bytes" in part(
        lambda c: (
            c["config"]["conv.bias"].update(inside)
            or c["config"]["conv.bias"]["tensor_meta"].update(storage_offset={"as_int": 1})
        )
    )

    def file_name(graph):
        node = graph["graph_module"]["graph"]["nodes"][0]
        node["inputs"].append({"name": "filename", "arg": {"as_string": "/etc/passwd"}, "kind": 1})

    assert "a text, filename '/etc/passwd', which is not run" in part(file_name, "models/model.json")


def test_other_zips_are_named(files, tmp_path):
    file = tmp_path / "net.pt2"
    for name, sentence in {
        "a/data.pkl": "none of torch.export.save",
        "a/serialized_exported_program.json": "written by torch before 2.8",
        "a/data/aotinductor/model/x.so": "compiled code (AOTInductor), which is not run",
    }.items():
        with zipfile.ZipFile(file, "w") as made:
            made.writestr(name, b"")
        assert sentence in refused(file)
    with zipfile.ZipFile(files["float"]) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    assert "is compressed" in refused(file)
    with zipfile.ZipFile(files["float"]) as old, zipfile.ZipFile(file, "w") as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    assert "where numbers of 4 bytes do not" in refused(file)  # Python's zips are not aligned
    file.write_bytes(b"PK nothing")
    assert "it is no zip, or is damaged" in refused(file)


def test_a_module_that_changes_what_it_keeps_is_refused(tmp_path):
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)
            self.register_buffer("seen", torch.zeros(1))

        def forward(self, x):
            self.seen.add_(1)
            return self.fc(x.mean((2, 3)))

    file = tmp_path / "counts.pt2"
    program = torch.export.export(Counts(), (IMAGES,))
    torch.export.save(program.run_decompositions(), file)
    assert "changes what it keeps when it answers" in refused(file)


@pytest.fixture
def plugin(monkeypatch, own_folders):
    torch.manual_seed(1)
    module = pt2_files.Small()
    monkeypatch.setitem(modules.MODULES, "mine", modules.Module(lambda: module, (3, 32, 32)))
    modules.of_module.cache_clear()
    yield module
    modules.of_module.cache_clear()


def test_a_plugins_module_is_a_file_that_is_written_once(plugin, x):
    file = find("mine.pt2")
    before = file.read_bytes()
    modules.of_module.cache_clear()
    assert find("mine.pt2") == file
    assert file.read_bytes() == before
    with Network("mine.pt2", asked=UNIT, threads=1) as network, torch.inference_mode():
        own = plugin.eval()(torch.from_numpy(x / np.float32(255))).numpy()
        np.testing.assert_allclose(network.logits(x), own, atol=1e-5)
    with torch.no_grad():
        plugin.fc.bias.add_(1)
    modules.of_module.cache_clear()
    assert find("mine.pt2") != file  # other weights are another network


def test_a_module_that_branches_on_its_images_is_a_sentence(monkeypatch, own_folders):
    class Branches(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)) if x.sum() > 0 else x.amax((2, 3))

    monkeypatch.setitem(modules.MODULES, "branches", modules.Module(Branches, (3, 4, 4)))
    with pytest.raises(ValueError, match=r"'branches' is not written down by torch\.export.*ModuleSubject"):
        find("branches.pt2")


def test_a_module_whose_branch_was_edited_is_another_file(monkeypatch, own_folders):
    class Branches(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def forward(self, x):
            def up(y):
                return y * factor

            factor = self.factor
            return torch.cond(x.sum() > 0, up, lambda y: y - 1, (x.mean((2, 3)),))

    files = []
    for factor in (2.0, 3.0):
        module = modules.Module(lambda factor=factor: Branches(factor), (3, 4, 4))
        monkeypatch.setitem(modules.MODULES, "branching", module)
        files.append(modules.exported("branching"))
    assert len(set(files)) == 2
