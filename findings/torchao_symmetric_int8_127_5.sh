#!/usr/bin/env bash
# One would guess that symmetric int8 weights use max|w| / 127 and codes -127..127, as nearly every int8 weight format
# does. torchao's Int8WeightOnlyConfig divides by 127.5: a row whose largest weight is negative holds -128, and a largest
# positive weight, which would be 127.5, is clipped to 127. A reader that stores such codes in a -127..127 word loses the
# largest weight of more than a third of the rows, and requantizing the dequantized floats with max / 127 gives other codes.
# Seen with torchao 0.18.0, torch 2.13.0.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q torch==2.13.0 torchao==0.18.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import torch
from torch import nn
from torchao.quantization import Int8WeightOnlyConfig, quantize_

torch.manual_seed(0)
layer = nn.Sequential(nn.Linear(256, 512, bias=False))
weight = layer[0].weight.detach().clone()
quantize_(layer, Int8WeightOnlyConfig())
codes, scale = layer[0].weight.qdata, layer[0].weight.scale
steps = weight.abs().amax(1) / scale.flatten()
holds = (codes == -128).any(1)
read = codes.float() * scale
again = (read / (read.abs().amax(1, keepdim=True) / 127)).round().clamp(-127, 127)
print("max|w| / scale, least and most over 512 rows:", round(steps.min().item(), 3), round(steps.max().item(), 3))
print("share of rows that hold -128:", round(holds.float().mean().item(), 3))
print("share of codes that requantizing with max / 127 changes:", round((again != codes).float().mean().item(), 4))
assert torch.allclose(steps, torch.tensor(127.5), rtol=1e-5)
assert 0.3 < holds.float().mean() < 0.5 and (again != codes).any()
PY
