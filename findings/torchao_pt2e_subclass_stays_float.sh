#!/usr/bin/env bash
# One would guess that PT2E quantizes what the exported graph computes. torchao's X86InductorQuantizer finds a convolution by
# the class of the module that it was traced from: of a subclass of nn.Conv2d with nothing changed in it, whose graph is the
# same aten.conv2d, no weight is quantized, and nothing says so. A program saved after it is float where one expects int8.
# Seen with torchao 0.18.0, torch 2.13.0.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q torchao==0.18.0 torch==2.13.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import torch
from torch import nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86


class Own(nn.Conv2d):
    pass


def quantized(layer):
    torch.manual_seed(0)
    images = torch.rand(2, 3, 8, 8)
    program = torch.export.export(nn.Sequential(layer(3, 4, 3), nn.ReLU()).eval(), (images,)).module()
    graph = [str(n.target) for n in program.graph.nodes if n.op == "call_function" and "conv" in str(n.target)]
    quantizer = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
    prepared = prepare_pt2e(program, quantizer)
    prepared(images)
    held = convert_pt2e(prepared).state_dict()
    return graph, sorted(name for name, value in held.items() if value.dtype == torch.int8)


seen = {layer.__name__: quantized(layer) for layer in (nn.Conv2d, Own)}
for name, (graph, codes) in seen.items():
    print(f"{name:7s} graph {graph}, int8 tensors {codes}")
assert seen["Conv2d"][0] == seen["Own"][0] == ["aten.conv2d.default"]
assert len(seen["Conv2d"][1]) == 1
assert seen["Own"][1] == []
PY
