"""Shipped networks as litert-torch converts and ai-edge-quantizer quantizes them.

Neither goes with this project's torch, so that they stand in an environment of their own, whose Python
RESQ_LITERT_PYTHON names: ``pip install litert-torch==0.10.0 ai-edge-quantizer==0.10.0``.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import torch

from resq import checkpoints, data
from resq.core import Encoding
from resq.measure.engine.faulty_network import network_of
from tests import pt2_files

PYTHON = os.environ.get("RESQ_LITERT_PYTHON", "")
CARRIERS = ("litert-float", "litert-int8") if PYTHON else ()
CONVERT = Path(__file__).with_name("litert_convert.py")


def made(folder: Path, name: str) -> dict[str, Path]:
    """A shipped network in float, and in int8 with 64 images for calibration."""
    checkpoint = checkpoints.load(name)
    network = network_of(checkpoint, checkpoint.quantized(Encoding.parse("fp32")))
    pt2_files.plain(network)
    images = data.load(checkpoint.data, "test").first(64).pixels.astype(np.float32) / 255
    program, calibration = folder / "litert.pt2", folder / "images.npy"
    pt2_files.exported(network, program, torch.from_numpy(images[:1]), free=False)
    np.save(calibration, images)
    files = {carrier: folder / f"{carrier}.tflite" for carrier in CARRIERS}
    subprocess.run([PYTHON, str(CONVERT), str(program), str(calibration), *map(str, files.values())],
                   check=True, capture_output=True)  # fmt: skip
    return files
