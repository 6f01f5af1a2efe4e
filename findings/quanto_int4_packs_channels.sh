#!/usr/bin/env bash
# One would guess that quanto's qint4 packs two neighbouring weights of a row into a byte, with an integer zero point. It
# packs along the output channels: byte [r, ...] holds channel r in its low and channel r + out/2 in its high half, and
# the offset is a float `_shift` in units of the weight (w = scale * code - shift), so no integer zero point need exist.
# One byte that is hit therefore touches two filters far apart.
# Seen with optimum-quanto 0.2.7, torch 2.13.0.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q optimum-quanto==0.2.7 torch==2.13.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import torch
from optimum.quanto import freeze, qint4, quantize
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 16, 3))
quantize(net, weights=qint4)
freeze(net)
state = net.state_dict()
packed, scale, shift = (state[f"0.weight.{name}"] for name in ("_data._data", "_scale", "_shift"))
codes = torch.cat([packed & 15, packed >> 4]).float()
read = scale * codes - shift
steps = shift / scale
print("packed:", packed.dtype, tuple(packed.shape), "of 16 filters; shift:", shift.dtype)
print("largest distance of shift / scale from an integer:", round((steps - steps.round()).abs().max().item(), 3))
print("equal to quanto's own weights:", torch.allclose(read, net[0].weight.dequantize(), atol=1e-6))
assert packed.shape == (8, 3, 3, 3) and shift.dtype == torch.float32
assert torch.allclose(read, net[0].weight.dequantize(), atol=1e-6) and (steps - steps.round()).abs().max() > 0.05
PY
