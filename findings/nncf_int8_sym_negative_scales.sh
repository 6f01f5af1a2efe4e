#!/usr/bin/env bash
# One would guess that a symmetric int8 scale is positive and that -128 is rare. NNCF's INT8_SYM puts the weight of
# largest magnitude of each row at -128 whatever its sign, so the scale is negative where that weight is positive (about
# half of the rows), every row holds -128, and the scale is kept in float16. A reader that takes |scale|, or that
# clips codes to -127, turns the sign of half the channels or moves the largest weight of all of them.
# Seen with nncf 3.4.0, torch 2.13.0.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q nncf==3.4.0 torch==2.13.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import nncf
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3)

    def forward(self, x):
        return self.conv(x)


torch.manual_seed(0)
net, x = Net().eval(), torch.rand(1, 3, 8, 8)
weight = net.conv.weight.detach().clone()
state = nncf.compress_weights(net, mode=nncf.CompressWeightsMode.INT8_SYM, dataset=nncf.Dataset([x])).state_dict()
codes = state["conv.weight"].flatten(1).float()
scale = next(value for name, value in state.items() if name.endswith("_scale")).flatten()
print("scale dtype:", scale.dtype, "negative:", round((scale < 0).float().mean().item(), 3))
print("rows that hold -128:", (codes == -128).any(1).float().mean().item())
error = (codes * scale[:, None].float() - weight.flatten(1)).abs().amax(1) / scale.abs()
print("largest error of codes * scale, in steps:", round(error.max().item(), 2))
assert scale.dtype == torch.float16 and 0.2 < (scale < 0).float().mean() < 0.8
assert (codes == -128).any(1).all() and error.max() < 1
PY
