"""Run by a Python that has litert-torch and ai-edge-quantizer: a program of torch -> .tflite, float and int8.

python litert_convert.py NET.pt2 IMAGES.npy FLOAT.tflite INT8.tflite
"""

import sys

import litert_torch
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

program, calibration, plain, whole = sys.argv[1:]
x = np.load(calibration)  # (N, 3, H, W), float32 in 0..1
litert_torch.convert(torch.export.load(program).module(), (torch.from_numpy(x[:1]),)).export(plain)
(signature, about), *_ = Interpreter(plain).get_signature_list().items()
made = quantizer.Quantizer(plain)
made.load_quantization_recipe(recipe.static_wi8_ai8())  # int8 weights per channel, int8 activations
seen = made.calibrate({signature: [{about["inputs"][0]: image[None]} for image in x]})
made.quantize(seen).export_model(whole, overwrite=True)
