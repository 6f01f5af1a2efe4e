#!/usr/bin/env bash
# One would guess that an 8-bit weight-only network saved by compressed-tensors holds int8 `weight` tensors, and that the
# config's `format` decides. It holds `weight_packed`, int32 with four codes a word, whatever the config's own
# format says ("int-quantized" too); only a format inside the scheme, or quantized activations, give an int8 `weight`.
# Seen with compressed-tensors 0.20.0, torch 2.13.0.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q compressed-tensors==0.20.0 torch==2.13.0 numpy==2.4.6 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import torch
from compressed_tensors.compressors import ModelCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationConfig, QuantizationScheme, apply_quantization_config
from torch import nn


def saved(outer=None, inner=None):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 32, bias=False))
    weights = QuantizationArgs(num_bits=8, strategy="channel", symmetric=True)
    scheme = QuantizationScheme(targets=["Linear"], weights=weights, **({"format": inner} if inner else {}))
    config = QuantizationConfig(config_groups={"all": scheme}, **({"format": outer} if outer else {}))
    apply_quantization_config(net, config)
    net[0].weight_scale.data = net[0].weight.abs().amax(1, keepdim=True) / 127.5
    ModelCompressor(quantization_config=config).compress_model(net)
    return {name[2:]: (str(value.dtype), tuple(value.shape)) for name, value in net.state_dict().items()}


seen = {"no format": saved(), "format in the config": saved(outer="int-quantized"), "format in the scheme": saved(inner="int-quantized")}
for how, tensors in seen.items():
    print(f"{how:21s}", tensors)
packed = ("torch.int32", (32, 16))
assert seen["no format"]["weight_packed"] == seen["format in the config"]["weight_packed"] == packed
assert seen["format in the scheme"]["weight"] == ("torch.int8", (32, 64)), seen
PY
