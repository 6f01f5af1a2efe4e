"""The graph of a .pt2 program for a twin: its operators as they stand, its words by the names of values."""

from __future__ import annotations

import numpy as np

from resq.deployed.formats import pt2
from resq.deployed.twin.graph import Program, Step, ends
from resq.deployed.words import Parsed

LIES = "as it lies"  # the axes of a tensor that lies in the file in another order


def program(parsed: Parsed) -> Program:
    """The graph of a file that was parsed before."""
    read = pt2.read(parsed.memory)
    places = {tensor.offset: tensor.name for tensor in parsed.stored}
    words, constants, steps = {}, {}, []
    for name, held in read.held.items():
        if held.begin not in places:
            constants[name] = np.empty(held.shape, np.float32)  # nobody reads it, or it is empty
        elif held.order == tuple(range(len(held.shape))):
            words[name] = places[held.begin]
        else:
            words[f"{name} {LIES}"] = places[held.begin]
            axes = [held.order.index(axis) for axis in range(len(held.shape))]
            steps.append(Step(LIES, (f"{name} {LIES}",), (name,), {"axes": axes}))
    for node in read.nodes:
        inputs = tuple(name for _, name in node.reads())
        steps.append(Step(node.op, inputs, tuple(node.makes()), {"node": node}))
    codes, numbers = ends(parsed)
    names = parsed.input.name, parsed.output.name
    return Program("pt2", tuple(steps), {**constants, **numbers}, words, *names, codes)
