"""Of a file whose answers are rounded, a sweep by Square says that its accuracy is an upper bound."""

import pytest

from resq.measure.run.deployed import coarse_answers
from resq.measure.specs.sweep_spec import SweepSpec
from stress import tiny


@pytest.mark.parametrize(("attack", "eps", "write", "said"), [
    ("square", (8.0,), tiny.tflite_file, True),
    ("square", (), tiny.tflite_file, False),
    ("pgd", (8.0,), tiny.tflite_file, False),
    ("square", (8.0,), tiny.onnx_file, False),
])  # fmt: skip
def test_square_on_rounded_answers_is_said_to_be_an_upper_bound(tmp_path, attack, eps, write, said):
    file = write(tmp_path / ("a.tflite" if write is tiny.tflite_file else "a.onnx"))
    spec = SweepSpec(str(file), data="signs", attack=attack, eps=eps, bers=() if eps else (0.0,))
    hints = coarse_answers.hints(spec)
    assert bool(hints) == said
    if said:
        assert "a.tflite rounds its answers to steps of 64" in hints[0]
        assert "upper bound" in hints[0]
