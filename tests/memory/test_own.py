"""Codes that a file brought: kept word by word, opened in the encoding that has them, flipped as they lie."""

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from resq import checkpoints, networks
from resq.checkpoints import packed
from resq.cli import main
from resq.core import Encoding
from resq.importers import import_weights, owncodes
from resq.measure.engine import faulty_network
from resq.measure.run import taylor
from resq.memory import beside, faults, flipping, own, quant, regions
from tests.onnx_files import body

IMPORTED = Encoding.parse("as-imported")


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in body("resnet20", 16).state_dict().items()}


@pytest.fixture(scope="module")
def words(state) -> tuple[str, ...]:
    return networks.weight_names(body("resnet20", 16))


def signed(shape: tuple[int, ...], seed: int, bits: int = 8) -> np.ndarray:
    """Codes over the whole range of two's complement, the lowest among them."""
    low = -(2 ** (bits - 1))
    found = np.random.default_rng(seed).integers(low, -low, shape).astype(np.int8)
    found.reshape(len(found), -1)[:, 0] = low
    return found


def with_codes(state, words, scale) -> dict:
    """Every weight as signed codes; ``scale`` makes one from the weight's shape."""
    return {name: own.own(signed(state[name].shape, i), scale(state[name].shape), np.float32(0), 8)
            for i, name in enumerate(words)}  # fmt: skip


def ramp(*shape: int) -> np.ndarray:
    """Scales that all differ."""
    return np.linspace(0.001, 0.01, int(np.prod(shape)), dtype=np.float32).reshape(shape)


SCALES = {
    "one": lambda shape: np.float32(0.01),
    "negative": lambda shape: np.float32(-0.01),
    "channels": lambda shape: ramp(shape[0], *[1] * len(shape[1:])),
    "kernel": lambda shape: ramp(shape[0], 1, *shape[2:]),
}


def saved(state, words, came, folder, name="signs/resnet20/came"):
    """A checkpoint whose weights came as these codes."""
    full = {**state, **{k: quant.dequantize(q) for k, q in came.items()}}
    file = checkpoints.save(name, full, words, {"encoding": "as-imported"}, folder, imported=came)
    return checkpoints.load(str(file))


@pytest.mark.parametrize("kind", SCALES)
def test_codes_come_back_from_a_checkpoint_as_they_were(state, words, tmp_path, kind):
    came = with_codes(state, words, SCALES[kind])
    found = saved(state, words, came, tmp_path)
    model = found.quantized(IMPORTED)
    for i, name in enumerate(words):
        there = signed(state[name].shape, i)
        assert np.array_equal(model.weights[name].words.view(np.int8), there)
        assert there.min() == -128
        expected = there.astype(np.float32) * SCALES[kind](state[name].shape)
        assert np.array_equal(found.state[name], expected)
        assert np.array_equal(quant.dequantize(model.weights[name]), expected)
    assert checkpoints.default_encoding(found.card) == "as-imported"


@pytest.mark.parametrize("turned", [lambda a: a.T, np.asfortranarray], ids=["transposed", "by columns"])
def test_words_of_a_weight_that_lay_by_columns_lie_row_by_row(turned):
    codes = turned(signed((6, 4), 0))
    q = own.own(codes, np.float32(1), np.float32(0), 8)
    assert not codes.flags.c_contiguous
    assert q.words.flags.c_contiguous
    assert np.array_equal(q.words.view(np.int8), codes)


@pytest.mark.parametrize("kind", SCALES)
def test_a_bench_flips_them_as_they_lie(state, words, tmp_path, kind):
    found = saved(state, words, with_codes(state, words, SCALES[kind]), tmp_path)
    made = faulty_network.FaultyNetwork(found, IMPORTED, folded=False)
    flips = faults.FAULTS["random"](regions.region(made.model), 1e-2, rng=np.random.default_rng(0))
    expected = {k: quant.dequantize(q) for k, q in flipping.flip(made.model, flips).weights.items()}
    with made.flipped(flips) as network:
        for name in words:
            assert np.array_equal(network.body.get_parameter(name).detach().numpy(), expected[name])
    for name in words:
        assert np.array_equal(network.body.get_parameter(name).detach().numpy(), found.state[name])


@pytest.mark.parametrize("kind", SCALES)
def test_a_bench_flips_the_scales_beside_them_each_for_the_weights_that_it_is_of(
    state, words, tmp_path, kind
):
    """Also where a kernel has a scale for each of its taps: a word is read by its own one."""
    found = saved(state, words, with_codes(state, words, SCALES[kind]), tmp_path)
    made = faulty_network.FaultyNetwork(found, IMPORTED, folded=False, floats=True)
    rng = np.random.default_rng(0)
    flips = beside.Struck(
        faults.FAULTS["random"](regions.region(made.model), 1e-3, rng=rng),
        made.beside.drawn("random", 1e-2, 0, 0),
    )
    read = made.beside.read(flips.beside)
    assert any(name.endswith("|scale") for name in read)
    struck = beside.reread(flipping.flip(made.model, flips.words), read)
    with made.flipped(flips) as network:
        for name in words:
            with np.errstate(over="ignore", invalid="ignore"):
                expected = quant.dequantize(struck.weights[name])
            found_there = network.body.get_parameter(name).detach().numpy()
            np.testing.assert_array_equal(found_there, expected)
    for name in words:
        assert np.array_equal(network.body.get_parameter(name).detach().numpy(), found.state[name])


def test_the_least_code_of_four_bits_is_kept_too(state, words, tmp_path):
    came = {name: own.own(signed(state[name].shape, i, 4), np.float32(0.1), np.float32(0), 4)
            for i, name in enumerate(words)}  # fmt: skip
    model = saved(state, words, came, tmp_path).quantized(Encoding.parse("as-imported-int4"))
    assert quant.dequantize(model.weights[words[0]]).min() == np.float32(-8) * np.float32(0.1)
    assert model.n_bits == 4 * sum(state[name].size for name in words)


def test_as_imported_is_refused_where_there_are_no_such_codes(state, words, tmp_path):
    plain = checkpoints.load("signs/resnet20/base")
    with pytest.raises(
        ValueError, match=r"as-imported is for networks imported as integer codes of 8 bits; this one was not"
    ):
        plain.quantized(IMPORTED)
    found = saved(state, words, with_codes(state, words, SCALES["one"]), tmp_path)
    with pytest.raises(ValueError, match=r"as-imported-int4 .* of 4 bits; this one's have 8"):
        found.quantized(Encoding.parse("as-imported-int4"))
    from dataclasses import replace

    with pytest.raises(ValueError, match="the weights have changed since"):
        replace(found, state={k: v * 2 if k in words else v for k, v in found.state.items()}).quantized(
            IMPORTED
        )


def test_its_name_is_read_back_and_takes_no_options():
    assert [str(Encoding.parse(n)) for n in ("as-imported", "as-imported-int4")] == [
        "as-imported",
        "as-imported-int4",
    ]
    for name in ("as-imported-tmr1", "as-imported-int9", "as-imported-x3", "int8-as-imported"):
        with pytest.raises(ValueError, match="no encoding"):
            Encoding.parse(name)
    with pytest.raises(ValueError, match="come from a file, not out of floats"):
        quant.quantize(np.ones((2, 2), np.float32), IMPORTED)


def test_damaged_codes_in_a_checkpoint_are_a_sentence(state, words):
    good = packed.pack_codes("w", own.own(signed((4, 6), 0), np.float32(1), np.float32(0), 8))
    for key, value, said in [
        ("w|code", np.array([9, 1]), r"said to be \[9, 1\]"),
        ("w|scale", np.ones(5, np.float32), "for runs of equal length"),
        ("w|zero", np.full(1, np.nan, np.float32), "finite float32 scales"),
        ("w", np.zeros((4, 6), np.int8), "is int8"),
    ]:
        with pytest.raises(ValueError, match=said):
            packed.imported({**good, key: value})


def test_estimates_of_the_loss_take_scales_of_parts_of_a_channel(state, words, tmp_path):
    q = with_codes(state, words, SCALES["kernel"])[words[0]]
    slope = taylor.Derivatives(np.ones(q.words.size), np.zeros(q.words.size))
    finer = next(taylor._by_word(q, slope, [3]))
    whole = own.own(signed(q.words.shape, 0), np.float32(0.01), np.float32(0), 8)
    assert np.allclose(next(taylor._by_code(whole, slope, [3])), next(taylor._by_word(whole, slope, [3])))
    assert finer.shape == (q.words.shape[0],)


def torchao_file(folder, config, classes=16):
    """A ResNet-20 as torchao and its safetensors writer store it, and the network itself."""
    pytest.importorskip("torchao")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict
        from torchao.quantization import quantize_

        made = body("resnet20", classes)
        quantize_(made, config(), filter_fn=lambda m, _: isinstance(m, nn.Conv2d | nn.Linear))
        tensors, about = flatten_tensor_state_dict(made.state_dict())
    file = folder / "ao.safetensors"
    save_file(tensors, file, metadata=about)
    return file, tensors, made


@pytest.mark.parametrize("bits", [8, 4])
def test_torchaos_codes_are_kept_as_they_came(tmp_path, words, bits):
    def config():
        from torchao.quantization import IntxWeightOnlyConfig
        from torchao.quantization.granularity import PerAxis

        return IntxWeightOnlyConfig(weight_dtype=getattr(torch, f"int{bits}"), granularity=PerAxis(0))

    file, tensors, made = torchao_file(tmp_path, config)
    brought = import_weights(file, "resnet20", 16)
    encoding = "as-imported" if bits == 8 else "as-imported-int4"
    assert owncodes.about(brought)["encoding"] == encoding
    found = saved(brought.state, words, dict(brought.codes), tmp_path).quantized(Encoding.parse(encoding))
    for name in words:
        theirs = tensors[name.replace("weight", "_weight_qdata")].numpy()
        assert np.array_equal(found.weights[name].words, theirs.view(np.uint8) & (2**bits - 1))
        weight = made.get_parameter(name).dequantize().detach().numpy()
        assert np.allclose(quant.dequantize(found.weights[name]), weight, rtol=1e-6, atol=1e-9)


def test_import_says_which_encoding_has_the_files_words(words, own_folders, capsys):
    state = {name: value.numpy().copy() for name, value in body("resnet20").state_dict().items()}
    sym = {name: quant.quantize(state[name], Encoding(8, "symmetric")) for name in words}
    parts = {}
    for name in words:
        stem, shape = name.removesuffix("weight"), state[name].shape
        parts[f"{stem}_weight_qdata"] = torch.from_numpy(sym[name].words.view(np.int8).copy())
        parts[f"{stem}_weight_scale"] = torch.from_numpy(
            sym[name].scale.reshape(-1, *[1] * (len(shape) - 1)).copy()
        )
    rest = {k: torch.tensor(v) for k, v in state.items() if k not in words}
    save_file({**rest, **parts}, own_folders / "net.safetensors")
    asked = ["import", str(own_folders / "net.safetensors"), "--network", "resnet20", "--data", "cifar10"]
    assert main([*asked, "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert (card["encoding"], card["codes"]["differ"]["int8-symmetric"]) == ("int8-symmetric", 0)
    assert main([*asked, "--overwrite"]) == 0
    said = capsys.readouterr().out
    assert (
        "20 of 20 layers came as integer codes of 8 bits; int8-symmetric has the very words of the file"
        in said
    )
    found = checkpoints.load("cifar10/resnet20/net")
    again = found.quantized(Encoding.parse("int8-symmetric"))
    assert all(np.array_equal(again.weights[name].words, sym[name].words) for name in words)


@pytest.mark.parametrize("name", ["cifar10/resnet18/fault", "gtsrb/resnet18/fault"])
def test_a_network_finished_in_four_bits_is_read_in_the_very_words_that_it_lies_in(name):
    found = checkpoints.load(name)
    for encoding in ("int4", "int4-tmr2"):
        parsed = Encoding.parse(encoding)
        again = found.quantized(parsed)
        for weight, q in found.finished.items():
            assert np.array_equal(again.weights[weight].words, quant.protected(q.words, parsed))
    kept = {k: v for w in found.weights for k, v in packed.pack(w, found.state[w], 4).items()}
    assert set(kept) > set(found.finished)


def test_flipped_or_trained_weights_are_no_longer_read_from_the_words_beside_them():
    from dataclasses import replace

    found = checkpoints.load("cifar10/resnet18/fault")
    moved = replace(
        found, state={**found.state, "conv1.weight": found.state["conv1.weight"] * np.float32(0.5)}
    )
    first = moved.quantized(Encoding.parse("int4")).weights["conv1.weight"]
    assert np.array_equal(first.scale, quant.quantize(moved.state["conv1.weight"], Encoding(4)).scale)


@pytest.mark.parametrize("name", ["cifar10/resnet18/fault", "cifar10/resnet18/plus"])
@pytest.mark.parametrize("beside", ["folded9", "floats9"])
def test_what_lies_beside_the_words_changes_no_word_of_a_network_finished_in_four_bits(name, beside):
    """But for channels whose zero point is no code: where norms are folded it has to be one."""
    found = checkpoints.load(name)
    parsed = Encoding.parse(f"int4-tmr2+{beside}")
    again = found.quantized(parsed)
    moved = 0
    for weight, q in found.finished.items():
        outside = ((q.zero < 0) | (q.zero > 15)) & (beside == "folded9")
        same = (again.weights[weight].words == quant.protected(q.words, parsed)).reshape(len(outside), -1)
        assert same[~outside].all(), weight
        assert (again.weights[weight].zero[~outside] == q.zero[~outside]).all()
        zero = again.weights[weight].zero
        assert beside == "floats9" or ((zero >= 0) & (zero <= 15)).all()
        moved += int(outside.sum())
    assert moved == {"cifar10/resnet18/fault": 0, "cifar10/resnet18/plus": 2}[name] * (beside == "folded9")
