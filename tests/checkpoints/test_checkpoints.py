"""Checkpoints: what is saved comes back, and a file that is not what its card says does not."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as read_tensors
from safetensors.numpy import save as write_tensors

from resq import checkpoints, data, networks
from resq.checkpoints import packed
from resq.core import Encoding
from resq.memory import quant

NAME = "signs/resnet20/saved"


@pytest.fixture
def saved(own_folders: Path, tiny) -> Path:
    """The file of a checkpoint saved under NAME in a folder of its own."""
    return checkpoints.save(NAME, tiny.state, tiny.weights, {"seed": 5})


def test_what_is_saved_comes_back_with_weights_rounded_to_float16(saved, tiny):
    loaded = checkpoints.load(NAME)
    assert set(loaded.state) == set(tiny.state)
    for name, value in tiny.state.items():
        kept = value.astype(np.float16).astype(np.float32) if name in tiny.weights else value
        assert loaded.state[name].dtype == value.dtype
        assert np.array_equal(loaded.state[name], kept)


def by_columns(value: np.ndarray) -> np.ndarray:
    """The same numbers in another order in memory: channels last where there are four axes."""
    if value.ndim == 4:
        return np.ascontiguousarray(value.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    return np.asarray(value, order="F")  # asfortranarray would give scalars an axis


@pytest.mark.parametrize("bits", [0, 8, 4])
def test_the_order_in_memory_of_what_is_saved_does_not_matter(own_folders, tiny, bits):
    turned = {name: by_columns(value) for name, value in tiny.state.items()}
    assert not all(value.flags.c_contiguous for value in turned.values())
    plain = checkpoints.save(NAME, tiny.state, tiny.weights, {}, bits=bits).read_bytes()
    assert checkpoints.save(NAME, turned, tiny.weights, {}, bits=bits).read_bytes() == plain


def test_the_order_in_memory_of_codes_that_came_does_not_matter(own_folders, tiny):
    came = {name: quant.quantize(tiny.state[name], Encoding(8, "symmetric")) for name in tiny.weights}
    turned = {name: replace(q, words=by_columns(q.words)) for name, q in came.items()}
    assert not all(q.words.flags.c_contiguous for q in turned.values())
    plain = checkpoints.save(NAME, tiny.state, tiny.weights, {}, imported=came).read_bytes()
    assert checkpoints.save(NAME, tiny.state, tiny.weights, {}, imported=turned).read_bytes() == plain


def test_the_card_says_where_the_weights_come_from(saved, tiny):
    loaded = checkpoints.load(NAME)
    assert (loaded.name, loaded.network, loaded.data) == (NAME, "resnet20", "signs")
    assert loaded.weights == tiny.weights
    assert checkpoints.card(NAME)["seed"] == 5
    assert checkpoints.card(NAME)["sha256"].startswith(loaded.hash)
    assert len(loaded.hash) == 16


def test_saving_what_was_loaded_gives_the_same_file(saved):
    loaded = checkpoints.load(NAME)
    again = checkpoints.save("signs/resnet20/again", loaded.state, loaded.weights, {})
    assert again.read_bytes() == saved.read_bytes()


def test_a_checkpoint_is_found_by_its_path_too(saved):
    assert checkpoints.load(str(saved)).hash == checkpoints.load(NAME).hash


def test_names_list_what_is_there(saved):
    assert NAME in checkpoints.names()


def test_a_checkpoint_turns_into_stored_words(saved, tiny):
    model = checkpoints.load(NAME).quantized(Encoding(8))
    assert tuple(model.weights) == tiny.weights
    assert model.n_bits == 8 * sum(tiny.state[name].size for name in tiny.weights)
    assert set(model.floats) == set(tiny.state) - set(tiny.weights)


@pytest.mark.parametrize("where", [0, 100, -1])
def test_one_altered_byte_is_noticed_and_the_file_named(saved, where):
    raw = bytearray(saved.read_bytes())
    raw[where] ^= 1
    saved.write_bytes(raw)
    with pytest.raises(
        ValueError, match=r"saved\.safetensors has SHA-256 .*, its card says .*: the file is not the one"
    ):
        checkpoints.load(NAME)


def test_a_file_that_is_no_safetensors_is_refused_even_if_its_card_agrees(saved):
    card = saved.with_suffix(".json")
    saved.write_bytes(b"not tensors at all")
    fields = {**json.loads(card.read_text()), "sha256": hashlib.sha256(b"not tensors at all").hexdigest()}
    card.write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"saved\.safetensors is not a safetensors file"):
        checkpoints.load(NAME)


def test_a_missing_card_is_asked_for_by_name(saved):
    saved.with_suffix(".json").unlink()
    with pytest.raises(ValueError, match=r"saved\.json is missing beside"):
        checkpoints.load(NAME)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", r"saved\.json is not a JSON card"),
        ("{}", r"saved\.json lacks network, data, sha256, weights"),
        ('{"network": "resnet20", "data": "signs", "weights": []}', r"saved\.json lacks sha256"),
    ],
)
def test_a_card_that_cannot_be_used_is_refused_with_the_reason(saved, text, said):
    saved.with_suffix(".json").write_text(text)
    with pytest.raises(ValueError, match=said):
        checkpoints.load(NAME)


def test_a_card_that_names_a_weight_the_file_lacks_is_refused(saved):
    card = saved.with_suffix(".json")
    fields = json.loads(card.read_text())
    card.write_text(json.dumps({**fields, "weights": [*fields["weights"], "head.weight"]}))
    with pytest.raises(ValueError, match=r"saved\.safetensors lacks the weight head\.weight"):
        checkpoints.load(NAME)


@pytest.mark.parametrize(
    "name",
    [
        "../resnet20/saved",
        "signs/../saved",
        "signs/resnet20/..",
        "signs/./saved",
        "/etc/passwd",
        "a\\b/c/d",
        "",
        "//",
    ],
)
def test_a_name_that_leaves_the_folder_is_no_name(saved, name):
    weights = saved.parents[2]
    for there in (weights.parent / "resnet20", weights, weights / "signs"):  # where some of the names lead
        there.mkdir(exist_ok=True)
        (there / saved.name).write_bytes(saved.read_bytes())
    with pytest.raises(ValueError, match=r"expected data/network/variant or a \.safetensors file"):
        checkpoints.find(name)


@pytest.mark.parametrize("name", ["saved", "a/b", "a/b/c/d", "../b/c", "a//c", "/b/c"])
def test_nothing_is_saved_under_a_name_that_is_not_data_network_variant(own_folders, tiny, name):
    with pytest.raises(ValueError, match=f"a checkpoint is named data/network/variant, got '{name}'"):
        checkpoints.save(name, tiny.state, tiny.weights, {})
    assert not list(own_folders.rglob("*.safetensors"))


def test_an_unknown_name_is_answered_with_the_known_ones(saved):
    with pytest.raises(ValueError, match=rf"no checkpoint 'signs/resnet20/other'; .* known: .*{NAME}"):
        checkpoints.load("signs/resnet20/other")


def test_a_path_that_leads_nowhere_is_repeated(own_folders):
    with pytest.raises(ValueError, match=r"no checkpoint file at nowhere\.safetensors"):
        checkpoints.load("nowhere.safetensors")


def test_saving_again_replaces_file_and_card_and_leaves_no_parts(saved, tiny):
    before = checkpoints.load(NAME).hash
    other = {**tiny.state, "linear.bias": tiny.state["linear.bias"] + 1}
    checkpoints.save(NAME, other, tiny.weights, {})
    assert checkpoints.load(NAME).hash != before
    assert sorted(p.name for p in saved.parent.iterdir()) == ["saved.json", "saved.safetensors"]


def test_every_shipped_checkpoint_loads_and_fits_its_network():
    for file in checkpoints.SHIPPED.glob("*/*/*.safetensors"):
        loaded = checkpoints.load(str(file))
        source = data.source(loaded.data)
        networks.restore(
            loaded.network, loaded.state, mean=source.mean, std=source.std, classes=len(source.classes)
        )
        assert str(file.relative_to(checkpoints.SHIPPED).with_suffix("")) == loaded.card["name"]


def test_a_dot_in_a_variants_name_is_a_dot_and_not_a_suffix(own_folders, tiny):
    for rate in ("p0.01", "p0.05"):
        checkpoints.save(f"signs/resnet20/{rate}", tiny.state, tiny.weights, {"rate": rate})
    assert {"signs/resnet20/p0.01", "signs/resnet20/p0.05"} <= set(checkpoints.names())
    assert checkpoints.load("signs/resnet20/p0.01").card["rate"] == "p0.01"


def test_a_card_that_is_no_object_is_refused(own_folders, tiny):
    file = checkpoints.save("signs/resnet20/five", tiny.state, tiny.weights, {})
    file.with_suffix(".json").write_text("5")
    with pytest.raises(ValueError, match=r"five\.json is not a JSON card: it holds a int"):
        checkpoints.load("signs/resnet20/five")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weights", 3),
        ("weights", [["a"]]),
        ("weights", "a"),
        ("network", 3),
        ("data", {"a": 1}),
        ("sha256", None),
    ],
)
def test_a_card_of_another_kind_is_refused_with_its_field(own_folders, tiny, field, value):
    file = checkpoints.save("signs/resnet20/odd", dict(tiny.state), tiny.weights, {})
    card = file.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | {field: value}))
    with pytest.raises(ValueError, match=f"for {field}; expected"):
        checkpoints.load("signs/resnet20/odd")


def test_a_card_nested_without_end_is_refused(own_folders, tiny):
    file = checkpoints.save("signs/resnet20/odd", dict(tiny.state), tiny.weights, {})
    file.with_suffix(".json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="is not a JSON card"):
        checkpoints.card("signs/resnet20/odd")


@pytest.mark.parametrize("kind", ["BF16", "C64"])
def test_numbers_that_are_no_weights_are_refused(own_folders, kind):
    size = {"BF16": 2, "C64": 8}[kind]
    header = json.dumps({"a": {"dtype": kind, "shape": [1], "data_offsets": [0, size]}}).encode()
    raw = len(header).to_bytes(8, "little") + header + bytes(size)
    own_folders.joinpath("a.safetensors").write_bytes(raw)
    card = {"network": "resnet20", "data": "signs", "weights": [], "sha256": hashlib.sha256(raw).hexdigest()}
    own_folders.joinpath("a.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=r"expected numbers|can be read"):
        checkpoints.load(str(own_folders / "a.safetensors"))


def test_a_name_longer_than_any_file_is_unknown():
    with pytest.raises(ValueError, match="no checkpoint"):
        checkpoints.find("x" * 300 + ".safetensors")


def test_a_save_killed_between_weights_and_card_is_finished_by_the_next_load(saved, tiny, monkeypatch):
    def killed(part: Path, target: Path) -> Path:
        if target.suffix == ".json":
            raise KeyboardInterrupt
        return replace(part, target)

    replace = Path.replace
    changed = {k: v * 2 if k == "linear.bias" else v for k, v in tiny.state.items()}
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(NAME, changed, tiny.weights, {"seed": 6})
    monkeypatch.setattr(Path, "replace", replace)
    loaded = checkpoints.load(NAME)
    assert loaded.card["seed"] == 6
    assert np.array_equal(loaded.state["linear.bias"], changed["linear.bias"])
    assert checkpoints.card(NAME)["seed"] == 6


def test_a_disk_that_fills_up_leaves_the_old_checkpoint_and_no_parts(saved, tiny, monkeypatch):
    def full(file: Path, raw: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        checkpoints.save(NAME, dict(tiny.state), tiny.weights, {"seed": 6})
    assert checkpoints.load(NAME).card["seed"] == 5
    assert not list(saved.parent.glob("*.part"))


def coded(tiny, **changed):
    """The file of a checkpoint kept as codes, some of its tensors put in place of what was saved."""
    file = checkpoints.save(NAME, tiny.state, tiny.weights, {}, bits=8)
    tensors = read_tensors(file.read_bytes())
    first = tiny.weights[0]
    for end, value in changed.items():
        key = first if end == "codes" else f"{first}|{end}"
        tensors.pop(key) if value is None else tensors.update({key: value})
    raw = write_tensors(tensors)
    card = file.with_suffix(".json")
    fields = json.loads(card.read_text())
    file.write_bytes(raw)
    card.write_text(json.dumps({**fields, "sha256": hashlib.sha256(raw).hexdigest()}))
    return file


def test_codes_of_one_byte_come_back_within_half_a_step(own_folders, tiny):
    loaded = checkpoints.load(str(coded(tiny)))
    assert set(loaded.state) == set(tiny.state)
    for name in tiny.weights:
        rows = tiny.state[name].reshape(len(tiny.state[name]), -1)
        step = (rows.max(1) - rows.min(1)) / 255
        error = np.abs(loaded.state[name].reshape(rows.shape) - rows).max(1)
        assert (error <= 1.01 * step).all()  # half a step, and up to a half where the zero point is rounded
        assert np.median(error / step) < 0.6


def test_codes_halve_the_file(own_folders, tiny):
    halves = checkpoints.save(NAME, tiny.state, tiny.weights, {}).stat().st_size
    assert coded(tiny).stat().st_size < 0.7 * halves


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"zero": None}, "no zero point"),
        ({"codes": None}, "no codes"),
        ({"scale": np.ones(3, np.float32)}, "expected finite float32"),
        ({"scale": np.full(16, np.nan, np.float32)}, "expected finite float32"),
        ({"codes": np.ones((16, 3, 3, 3), np.float32)}, "expected uint8 codes"),
    ],
)
def test_codes_that_do_not_belong_together_are_refused_by_name(own_folders, tiny, changed, said):
    file = coded(tiny, **changed)
    with pytest.raises(ValueError, match=f"{tiny.weights[0]}|{said}") as error:
        checkpoints.load(str(file))
    assert said in str(error.value)
    assert tiny.weights[0] in str(error.value)


def test_codes_of_four_bits_are_the_very_words_a_network_is_meant_for(own_folders, tiny):
    meant = Encoding.parse("int4-tmr2")
    file = checkpoints.save(NAME, tiny.state, tiny.weights, {}, bits=4)
    loaded = checkpoints.load(str(file))
    before, after = tiny.quantized(meant), loaded.quantized(meant)
    for name in tiny.weights:
        assert np.array_equal(after.weights[name].words, before.weights[name].words)
        assert loaded.state[name].shape == tiny.state[name].shape
    assert checkpoints.sizes(NAME) == tuple(tiny.state[name].size for name in tiny.weights)
    four = file.stat().st_size
    whole = checkpoints.save(NAME, tiny.state, tiny.weights, {}, bits=8).stat().st_size
    stored = sum(tiny.state[name].size for name in tiny.weights)
    assert 0.45 * stored < whole - four < 0.5 * stored  # half a byte a weight, less the shapes


@pytest.mark.parametrize("size", [1, 2, 3, 27])
def test_an_odd_number_of_codes_in_a_channel_comes_back(size):
    rows = np.random.default_rng(0).integers(0, 16, (5, size)).astype(np.float32)
    rows[:, 0], rows[:, -1] = 0, 15
    rows = rows[:, None, :, None]
    assert np.array_equal(packed.unpack(packed.pack("w", rows, 4))["w"], rows)


@pytest.mark.parametrize("shape", [[16, 3, 3], [16.0, 3.0, 3.0, 3.0], [8, 3, 3, 3], [16, -3, -3, 3], [16]])
def test_bytes_of_two_codes_that_do_not_fit_the_shape_are_refused_by_name(shape):
    tensors = packed.pack("first", np.random.default_rng(0).normal(size=(16, 3, 3, 3)), 4)
    with pytest.raises(ValueError, match=r"'first' is .* bytes of two codes each, its shape is said to be"):
        packed.unpack({**tensors, "first|shape": np.array(shape)})


@pytest.mark.parametrize(
    ("name", "bits"),
    [("int8", 8), ("fp32", 8), ("int4", 4), ("int4-tmr2", 4), ("int4-tensor", 8), ("int8+int4-tmr2@0", 8)],
)
def test_only_networks_for_words_of_four_bits_are_kept_in_four(name, bits):
    large = {"w": np.zeros((2048, 1024), np.float32)}
    assert packed.bits_per_weight(large, ("w",), Encoding.parse(name)) == bits
    assert packed.bits_per_weight({"w": np.zeros((2, 2), np.float32)}, ("w",), Encoding.parse(name)) == 0


def test_weights_that_are_not_shipped_are_asked_for_with_the_command_that_makes_them():
    absent = checkpoints.unshipped()
    assert absent
    for name, card in absent.items():
        with pytest.raises(
            ValueError, match=f"the weights of {name} are not shipped; this makes them"
        ) as said:
            checkpoints.find(name)
        assert str(said.value).endswith(checkpoints.making(card))


def test_a_checkpoint_is_opened_in_the_encoding_that_its_card_names_else_int8():
    assert checkpoints.default_encoding("cifar10/resnet18/plus") == "int4-tmr2"
    assert checkpoints.default_encoding("cifar10/resnet18/base") == "int8"
    with pytest.raises(ValueError, match="no encoding 'int99x'"):
        checkpoints.default_encoding({"encoding": "int99x"})
    with pytest.raises(ValueError, match="has 7 for encoding; expected a name"):
        checkpoints.default_encoding({"encoding": 7})
