"""Whether a deployed file's answers come in steps too coarse for an attack by their margin. No torch."""

from __future__ import annotations

from contextlib import suppress

from resq.core.errors import ResqError
from resq.deployed import network as deployed
from resq.measure.specs.sweep_spec import SweepSpec


def hints(spec: SweepSpec) -> list[str]:
    """A sentence where an attack asks the runtime alone and its answers are rounded to a few hundred steps.

    Source: Andriushchenko et al., ECCV 2020, whose attack keeps a change that lowers the margin.
    """
    if spec.attack != "square" or not spec.eps or not deployed.is_file(spec.checkpoint):
        return []
    with suppress(ResqError, OSError):
        _, parsed = deployed.read(spec.checkpoint)
        if step := parsed.output.scale:
            return [
                f"hint: {deployed.find(spec.checkpoint).name} rounds its answers to steps of {step:g}, and "
                "Square goes by their margin, so it is blind where a change is smaller: its accuracy "
                "is an upper bound; compare --attack apgd, made on the twin"
            ]
    return []
