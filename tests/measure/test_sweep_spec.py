"""A sweep's spec: self-checking, hashable, spelled by a command line and by a file."""

import pytest

from resq.cli import options, parser
from resq.measure.specs.sweep_spec import SweepSpec, read

SPEC = SweepSpec("signs/resnet20/base", bers=(1e-3, 0.0), eps=(8.0, 0.5), layers=("layer1.*",), planes=(7, 6))


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ({"encoding": "int99"}, "2 to 8 bits, got 99"),
        ({"fault": "sgn"}, "no fault model 'sgn'; known: 0-to-1, 1-to-0, activations"),
        ({"attack": "cw"}, "no attack 'cw'; known: apgd, autoattack, fgsm, pgd"),
        ({"bers": (0.0, 2.0)}, r"rates must lie in \[0, 1\], got 2 \(2 % is written 0.02\)"),
        ({"eps": (300.0,)}, r"must lie in 0..255, got 300"),
        ({"maps": 0}, "maps must be at least 1, got 0"),
        ({"n": -3}, "n must be at least 1, got -3"),
        ({"seed": -1}, "seed must lie in 0.*got -1"),
        ({"planes": (7, 8)}, r"bit planes must lie in 0\.\.7, got 8 for int8"),
        ({"planes": (-1,)}, r"bit planes must lie in 0\.\.7, got -1 for int8"),
        # of words of 4 bits with check words of 8, and of 4
        ({"encoding": "int4-secded", "planes": (6,)}, r"must lie in 0\.\.3, got 6 for int4-secded"),
        ({"encoding": "int4-secded0", "planes": (4,)}, r"must lie in 0\.\.3, got 4 for int4-secded0"),
        ({"encoding": "int4-spw", "planes": (4,)}, r"must lie in 0\.\.3, got 4 for int4-spw"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_value_in_the_sentence(field, sentence):
    with pytest.raises(ValueError, match=sentence):
        SweepSpec("signs/resnet20/base", **field)


def test_the_order_of_rates_does_not_change_a_spec_and_any_field_does():
    turned = SweepSpec(
        "signs/resnet20/base", bers=(0.0, 1e-3), eps=(0.5, 8.0), layers=("layer1.*",), planes=(6, 7)
    )
    assert turned == SPEC
    assert turned.hash == SPEC.hash
    assert SweepSpec("signs/resnet20/base", seed=1).hash != SweepSpec("signs/resnet20/base").hash


def test_a_spec_counts_its_rows_one_at_ber_0_and_one_per_map_elsewhere():
    assert SweepSpec("a/b/c", bers=(0, 1e-3, 1e-2), maps=5, eps=(0, 8)).total == 1 + 5 + 5 + 2


def test_the_command_line_of_a_spec_gives_the_spec_back():
    arguments = parser().parse_args(SPEC.argv())
    assert options.spec(arguments, n=1000) == SPEC


def test_a_file_with_several_values_is_one_sweep_for_each_of_them(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text('checkpoint = "a/b/c"\nencoding = ["int8", "fp32"]\nbers = [0, 0.5]\nseed = [1, 2, 3]\n')
    specs = read(file)
    assert [(s.encoding, s.seed) for s in specs] == [(e, i) for e in ("int8", "fp32") for i in (1, 2, 3)]
    assert {s.bers for s in specs} == {(0, 0.5)}


def test_one_rate_is_a_list_of_one(tmp_path):
    (tmp_path / "s.toml").write_text('checkpoint = "a/b/c"\nbers = 0.5\neps = 0')
    assert [(s.bers, s.eps) for s in read(tmp_path / "s.toml")] == [((0.5,), (0,))]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("checkpoint = ", "not a readable TOML file"),
        ('checkpoint = "a/b/c"\nber = 1', "has ber; a sweep has checkpoint, data"),
        ("n = 5", "names no checkpoint"),
    ],
)
def test_a_file_that_is_no_sweep_is_refused_with_what_is_wrong(tmp_path, text, sentence):
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read(file)
