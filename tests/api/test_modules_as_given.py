"""A module of somebody's own: left as it is, whatever it returns, or refused in a sentence."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import resq
from resq.core.errors import ResqError

AT = {"ber": 0, "maps": 1, "encoding": "fp32"}
NORMAL = {"mean": [0.5] * 3, "std": [0.25] * 3}


class Wrapped(nn.Module):
    """A network that wraps its logits."""

    def __init__(self, wrap=lambda z: z, channels=3):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.drop = nn.Conv2d(channels, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Dropout(0.5)
        self.head, self.wrap = nn.Linear(8, 16), wrap

    def logits(self, x):
        return self.head(self.drop(self.norm(self.conv(x)).relu().mean((2, 3))))

    def forward(self, x):
        return self.wrap(self.logits(x))


class TrainsWithoutReturn(Wrapped):
    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()


WRAPS = {
    "logits": lambda z: z,
    "a tuple": lambda z: (z, z[:, :1]),
    "a list": lambda z: [z],
    "an object": lambda z: SimpleNamespace(logits=z),
    "a dict": lambda z: {"logits": z},
}


@pytest.fixture(scope="module")
def xy():
    return resq.load_images("signs", n=40)


def right(logits, y):
    return int((logits.argmax(1) == y).sum())


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_logits_are_found_however_they_are_wrapped(wrap, xy):
    x, y = xy
    model = Wrapped(wrap).eval()
    with torch.no_grad():
        alone, normalised = model.logits(x), model.logits((x - 0.5) / 0.25)
        loaded = resq.load(model, **NORMAL)
        assert torch.equal(loaded(x), normalised)
    assert resq.sweep(model, x, y, **AT).rows[0]["correct"] == right(alone, y)
    assert resq.sweep(loaded, x, y, **AT).rows[0]["correct"] == right(normalised, y)


def test_what_holds_no_logits_is_refused_by_what_it_is(xy):
    for wrap, said in (
        (lambda z: {"out": z, "aux": z}, "gives a dict with out, aux; expected logits"),
        (lambda z: [], "gives list; expected logits"),
        (lambda z: ("seen", z), "gives a tuple that begins with str; expected logits"),
    ):
        with pytest.raises(ResqError, match=said):
            resq.sweep(Wrapped(wrap), *xy, **AT)


def test_a_module_is_normalised_in_a_copy_and_stays_in_its_mode(xy):
    model = Wrapped().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    loaded = resq.load(model, **NORMAL)
    loaded(xy[0])
    assert model.training
    assert model.drop.training
    assert all(p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("made", [np.array, torch.tensor, list, tuple])
def test_a_mean_and_a_deviation_may_be_lists_arrays_or_tensors(made, xy):
    loaded, listed = (
        resq.load(Wrapped(), mean=how([0.4, 0.5, 0.6]), std=how([0.2, 0.2, 0.3])) for how in (made, list)
    )
    assert torch.equal(loaded(xy[0]), listed(xy[0]))


def test_a_train_of_ones_own_that_returns_nothing_is_called_all_the_same(xy):
    x, y = xy
    model = TrainsWithoutReturn()
    model.eval()
    with torch.no_grad():
        there = right(model(x), y)
    assert resq.sweep(model, x, y, **AT).rows[0]["correct"] == there


def lazy():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(16))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: torch.jit.trace(Wrapped().eval(), torch.zeros(1, 3, 32, 32)), "is TorchScript"),
        (lambda: torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(3072, 16))), "is TorchScript"),
        (lazy, "Sequential has parameters without a shape yet; call it once"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_module_that_cannot_be_copied_and_changed_is_refused(made, said, xy):
    with pytest.raises(ResqError, match=said):
        resq.sweep(made(), *xy, **AT)
    with pytest.raises(ResqError, match=said):
        resq.load(made(), **NORMAL)


def test_a_lazy_module_that_was_called_once_is_measured(xy):
    model = lazy()
    model(xy[0])
    assert resq.sweep(model, *xy, ber=0.01, maps=1).rows[0]["bits"] == 8 * 3072 * 16


def test_another_default_type_of_pytorch_is_refused_and_left(xy):
    model = Wrapped()
    torch.set_default_dtype(torch.float64)
    try:
        for asked in (
            lambda: resq.sweep(model, *xy, **AT),
            lambda: resq.load("signs/resnet20/base"),
            lambda: resq.flip_bits(model, ber=0.1).__enter__(),
        ):
            with pytest.raises(ResqError, match=r"in float32, got torch\.float64 as PyTorch's default"):
                asked()
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_heatmap_is_the_same_where_gradients_are_off(xy):
    model = Wrapped()
    there = resq.sensitivity(model, *xy).rows
    for off in (torch.no_grad, torch.inference_mode):
        with off():
            assert resq.sensitivity(model, *xy).rows == there


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"fault": "activations", "ber": 0.1}, "a module of your own names none; give another"),
        ({"eps": 8, "layers": "head.weight"}, "layers is said of bit flips, got .*'head.weight'"),
        ({"eps": 8, "targets": "all"}, "targets is said of bit flips, got 'all' of an attack alone"),
        ({"eps": 8, "sample": "random"}, "sample is said of bit flips, got 'random'"),
        ({"ber": 0.1, "attack": "fgsm"}, "attack is said of an attack, got 'fgsm' of bit flips alone"),
        ({"ber": "1e-3"}, "ber is a number or several, such as .*, got '1e-3'"),
        ({"ber": None}, "ber is a number or several, such as .*, got None"),
        ({"maps": 2.5}, "maps is a whole number, such as 10, got 2.5"),
    ],
)
def test_what_cannot_be_measured_so_is_refused_in_a_sentence(asked, said, xy):
    with pytest.raises(ResqError, match=said):
        resq.sweep(Wrapped(WRAPS["a tuple"]), *xy, **asked)


def test_numbers_of_any_kind_are_those_that_a_plain_number_is(xy):
    plain = resq.sweep(Wrapped(), *xy, ber=[0.001, 0.1], maps=2, planes=[7], seed=10, top=0.1).rows
    other = resq.sweep(
        Wrapped(), *xy, ber=torch.tensor([1e-3, 0.1]), maps=np.int32(2), planes=np.array(7),
        seed=np.int64(10), top=np.float32(0.1),
    ).rows  # fmt: skip
    assert other == plain


@pytest.mark.parametrize("asked", [{"maps": 20}, {"share": 0.5}])
def test_what_is_said_of_measured_cells_is_refused_where_they_are_estimated(asked, xy):
    (name,) = asked
    with pytest.raises(ResqError, match=f"{name} is said of measured cells"):
        resq.sensitivity(Wrapped(), *xy, **asked)
    assert resq.sensitivity(Wrapped(), *xy, **asked, metric="pvf").rows


def test_measured_cells_have_a_map_or_more(xy):
    with pytest.raises(ResqError, match="maps must be at least 1, got 0"):
        resq.sensitivity(Wrapped(), *xy, measured=True, maps=0)


def test_an_encoding_may_be_given_as_its_name_or_as_itself(xy):
    named, itself = "int4-tmr2", resq.Encoding.parse("int4-tmr2")
    rows = [resq.sweep(Wrapped(), *xy, ber=0.01, maps=1, encoding=how).rows for how in (named, itself)]
    assert rows[0] == rows[1]
    copies = [resq.quantize(Wrapped(), how).head.weight for how in (named, itself)]
    assert torch.equal(*copies)
    with resq.flip_bits(Wrapped(), ber=0.0, encoding=itself) as faulty:
        assert torch.equal(faulty.head.weight, copies[0])
