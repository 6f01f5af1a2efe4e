"""A printed command, read again, is the very same spec: every digit, every blank, every star."""

import os
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resq.cli import filewords, flip, flow, options, parser, sensitivity
from resq.core import FLOATS, Encoding, commands, paths
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.run.confusion import ConfusionSpec
from resq.measure.run.deployed.file_cells import FileLayers
from resq.measure.run.deployed.file_flip import FileFlip
from resq.measure.run.one_flip.single_bit import BitExperiment
from resq.measure.specs.cells import ACTIVATIONS, MODES, TARGETS
from resq.measure.specs.sweep_spec import ATTACKS, SweepSpec
from resq.memory.faults import FAULTS

BLANK = st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters=",")
NAMES = st.text(BLANK, min_size=1, max_size=8).filter(lambda text: not text.startswith("-"))
PATTERNS = st.one_of(NAMES, st.sampled_from(["layer1.*", "a b", "$HOME", "it's", "x;y", "`z`", "[0-9]?"]))
NETWORKS = st.sampled_from(
    ["signs/resnet20/base", "cifar10/resnet18/plus", "no/such/one", "my nets/a b.safetensors", "a/b/$(c)"]
)
ENCODINGS = st.sampled_from(
    [
        "int8",
        "int4-tmr2",
        "int8-symmetric-tensor",
        "fp32",
        "int8+int4-tmr2@0-2.20",
        "int4-tmr2+folded9",
        "int8-secded",
        "int4-tmr2-spw+floats9",
        "fp16-cep+ranger",
        "int8-radar32",
        "int8-symmetric-inplace",
        "bf16-mset",
        "fp32-limits",
        "int8-x9",
        "int7+int7-x9@0-4.7.12.20",
    ]
)
RATES = st.floats(0, 1, allow_subnormal=True)
BUDGETS = st.floats(0, 255)
COUNTS = st.integers(1, 10**6)
SEEDS = st.integers(0, 2**63 - 1)
QUICK = settings(max_examples=300 if os.environ.get("RESQ_LONG") else 100, deadline=None)


@st.composite
def sweeps(draw):
    bers, eps = draw(st.lists(RATES, max_size=4)), draw(st.lists(BUDGETS, max_size=4))
    targets = draw(st.sampled_from(TARGETS))
    plain = targets == "weights"
    encoding, modes = (
        draw(ENCODINGS),
        draw(st.lists(st.sampled_from(MODES), max_size=2)) if bers and eps else [],
    )
    parsed = Encoding.parse(encoding)
    precise = not plain or modes or parsed.code in FLOATS
    plane = st.integers(0, parsed.word_bits - 1)
    return SweepSpec(
        draw(NETWORKS),
        data=draw(st.one_of(st.just(""), NAMES)),
        encoding=encoding,
        fault=draw(st.sampled_from(sorted(FAULTS))),
        layers=tuple(draw(st.lists(PATTERNS, max_size=3))) if plain else (),
        planes=tuple(draw(st.lists(plane, max_size=3))) if plain else (),
        bers=tuple(bers),
        maps=draw(COUNTS),
        attack=draw(st.sampled_from(sorted(ATTACKS))),
        eps=tuple(eps),
        steps=draw(COUNTS),
        restarts=draw(COUNTS),
        modes=tuple(modes),
        n=draw(COUNTS),
        seed=draw(SEEDS),
        sample=draw(st.sampled_from(["first", "random"])),
        top=draw(st.sampled_from([0.0, max(bers, default=0.0), 1.0])),
        precision="fp32" if precise else draw(st.sampled_from(["fp32", "bf16"])),
        targets=targets,
    )


def read(command):
    """The arguments of a command as a shell and the command line read it, the encoding named."""
    python, flag, module, *words = shlex.split(command)
    assert (python, flag, module) == ("python", "-m", "resq")
    arguments = parser().parse_args(words)
    try:
        options.opened(arguments)
    except ValueError:  # no such checkpoint on this machine: int8, where none is named
        arguments.encoding = arguments.encoding or "int8"
    return arguments


@given(sweeps())
@QUICK
def test_a_sweeps_command_gives_the_same_sweep_and_the_same_hash(spec):
    again = options.spec(read(spec.command), n=1000)
    assert again == spec
    assert again.hash == spec.hash


@given(NETWORKS, ENCODINGS, st.floats(0, 1, exclude_min=True), COUNTS, st.integers(0, 99), SEEDS)
@QUICK
def test_a_heatmaps_command_gives_the_same_heatmap(name, encoding, share, n, maps, seed):
    spec = LayerSpec(name, encoding=encoding, share=share, n=n, maps=maps, seed=seed)
    assert sensitivity.layer_spec(read(spec.command)) == spec


@given(NETWORKS, ENCODINGS, RATES.filter(bool), COUNTS, COUNTS, SEEDS)
@QUICK
def test_the_command_of_a_flow_of_answers_gives_the_same_flow(name, encoding, ber, maps, n, seed):
    spec = ConfusionSpec(name, encoding=encoding, ber=ber, maps=maps, n=n, seed=seed)
    assert flow.confusion_specs(read(spec.command)) == [spec]


FILES = st.sampled_from(["net.tflite", "my nets/a b.onnx", "a/b/$(c).pt2", "it's.onnx"])
TARGETED = st.sampled_from(["weights", "floats", "all", "scales", "biases"])
INPUTS = st.sampled_from(["", "range 0..255", "range -1..1", "mean 0.5,0.25,0.125 std 0.2 layout nhwc"])


@given(FILES, st.floats(0, 1, exclude_min=True), COUNTS, COUNTS, COUNTS, SEEDS, TARGETED, INPUTS)
@QUICK
def test_the_command_of_a_files_heatmap_gives_the_same_heatmap(
    name, share, n, maps, singles, seed, targets, inputs
):
    given_inputs = options.inputs(read(f"python -m resq inspect a.onnx {_options(inputs)}"))
    spec = FileLayers(name, "cifar10", maps, share, n, seed, singles, targets, given_inputs)
    again = filewords.layers_asked(read(spec.command))
    assert again == spec
    assert again.hash == spec.hash


@given(FILES, NAMES, COUNTS, st.lists(st.integers(0, 31), max_size=3, unique=True), COUNTS, TARGETED, INPUTS)
@QUICK
def test_the_command_of_a_flip_in_a_file_gives_the_same_flip(name, layer, word, bits, image, targets, inputs):
    given_inputs = options.inputs(read(f"python -m resq inspect a.onnx {_options(inputs)}"))
    state = FileFlip(name, "cifar10", layer, word, tuple(bits), image, targets, given_inputs)
    assert filewords.flip_asked(read(commands.line(state.argv()))) == state


def _options(inputs: str) -> str:
    """How a file is given its images, as options."""
    parts = inputs.split()
    return " ".join(f"--{key}={value}" for key, value in zip(parts[::2], parts[1::2], strict=True))


@given(NETWORKS, ENCODINGS, PATTERNS, RATES, BUDGETS, SEEDS)
@QUICK
def test_the_command_of_a_state_of_the_bit_lab_gives_the_same_state(name, encoding, layer, share, eps, seed):
    state = BitExperiment(
        name, encoding, layer, 3, share=share, draw=2 if share else 0, eps=eps, seed=seed if eps else 0
    )
    assert flip.experiment(read(state.command)) == state


@pytest.mark.parametrize("ber", [0.00012345678, 1 / 3, 1e-4, 5e-324, 0.1 + 0.2])
def test_no_digit_of_a_rate_is_lost(ber):
    spec = SweepSpec("signs/resnet20/base", bers=(min(ber, 1.0),))
    assert options.spec(read(spec.command), n=1000).hash == spec.hash


def test_words_that_a_shell_would_change_are_quoted():
    spec = SweepSpec("signs/resnet20/base", bers=(1e-3,), layers=("layer1.*", "fc.weight"))
    assert (
        spec.command == "python -m resq sweep signs/resnet20/base --layers 'layer1.*,fc.weight' --ber 0.001"
    )


@pytest.mark.parametrize("name", ["a,b", "", " a"])
def test_a_layers_name_that_no_command_can_say_is_refused(name):
    with pytest.raises(ValueError, match="no comma and no blank at its ends"):
        SweepSpec("signs/resnet20/base", bers=(1e-3,), layers=(name,))


def test_no_command_is_put_together_without_quoting():
    root = paths.ROOT
    files = [f for where in ("resq", "dashboard") for f in sorted((root / where).rglob("*.py"))]
    joined = [str(f) for f in files if '" ".join(["python -m resq"' in f.read_text(encoding="utf-8")]
    assert joined == []


def test_numbers_are_as_short_as_they_can_be():
    assert [commands.number(v) for v in (1e-4, 8.0, 0.25, 1e-5, 12345678.0)] == [
        "0.0001",
        "8",
        "0.25",
        "1e-05",
        "12345678.0",
    ]


def test_a_network_is_opened_in_the_words_of_its_card_and_the_first_line_says_which(capsys):
    from resq.cli import main

    assert main(["evaluate", "signs/resnet20/plus", "--n", "9"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "signs/resnet20/plus in int4-tmr2; --encoding names another"
    )
    assert main(["evaluate", "signs/resnet20/plus", "--n", "9", "--encoding", "int8"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "signs/resnet20/plus in int8"


def test_a_command_names_the_encoding_unless_it_is_int8_and_the_checkpoints_own():
    assert "--encoding" not in SweepSpec("signs/resnet20/base").argv()
    assert "--encoding" in SweepSpec("signs/resnet20/plus").argv()
    assert "--encoding" in SweepSpec("signs/resnet20/plus", encoding="int4-tmr2").argv()


def test_activations_are_a_fault_model_of_sweeps_too():
    spec = SweepSpec("signs/resnet20/base", fault=ACTIVATIONS, bers=(1e-3,))
    assert options.spec(read(spec.command), n=1000) == spec


@pytest.mark.parametrize(("given", "said"), [
    ({"eps": (0.031,)}, "hint: eps 0.031 means 0.031/255; 0.031 of the pixel range would be 7.91"),
    ({"bers": (0.5,)}, "hint: BER 0.5 flips 50 % of all bits; 0.5 % would be 0.005"),
])  # fmt: skip
def test_values_that_are_seldom_meant_get_a_hint(given, said):
    assert options.hints(SweepSpec("signs/resnet20/base", **given)) == [said]
    assert options.hints(SweepSpec("signs/resnet20/base", bers=(0.0, 0.1), eps=(0.0, 0.5, 8.0))) == []


def test_a_budget_written_as_a_fraction_is_refused_with_what_to_write(capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["sweep", "signs/resnet20/base", "--eps", "8/255"])
    assert "8/255 is written 8, got '8/255'" in capsys.readouterr().err


def test_a_rate_in_percent_is_refused_with_what_to_write(capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["sweep", "signs/resnet20/base", "--ber", "0.5%"])
    assert "rates are shares, so 0.5 % is written 0.005" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["flip", "guards"])
def test_a_single_budget_is_read_as_several_are(command, capsys):
    for asked, said in (("8/255", "8/255 is written 8"), ("1,2", "expected one budget in 1/255")):
        with pytest.raises(SystemExit):
            parser().parse_args([command, "signs/resnet20/base", "--eps", asked])
        assert said in capsys.readouterr().err
    assert parser().parse_args([command, "signs/resnet20/base", "--eps", "0.031"]).eps == 0.031
    assert "hint: eps 0.031 means 0.031/255" in capsys.readouterr().err
