"""One word of a deployed file, bits of it flipped, its runtime's answer to one picture. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from resq import data
from resq.core import BitFlips
from resq.core.errors import ResqError
from resq.deployed import quantizers, words
from resq.deployed.network import Network
from resq.deployed.pixels import Asked
from resq.deployed.words import Stored
from resq.measure.run.deployed import file_classes
from resq.measure.run.deployed.file_answers import probable
from resq.measure.run.deployed.rows import NO_FLIPS


@dataclass(frozen=True)
class FileFlip:
    """Bits of one word of a deployed file, and a test image.

    Attributes:
        file: path, or the name of a kept file; ``data``: the data set of the image.
        layer, word, bits: tensor ("": the first of the targets), number of the word, its flipped bits.
        image: number of the test image.
        targets, inputs: as of a sweep.
    """

    file: str
    data: str
    layer: str = ""
    word: int = 0
    bits: tuple[int, ...] = ()
    image: int = 0
    targets: str = "weights"
    inputs: str = ""

    def argv(self) -> list[str]:
        """The words after ``python -m resq`` that compute it."""
        parts, bits = self.inputs.split(), ",".join(map(str, self.bits))
        return ["flip", self.file, "--data", self.data, *(["--layer", self.layer] if self.layer else []),
                "--weight", str(self.word), *(["--bits", bits] if bits else []), "--image", str(self.image),
                *(["--targets", self.targets] if self.targets != "weights" else []),
                *(f"--{k}={v}" for k, v in zip(parts[::2], parts[1::2], strict=True))]  # fmt: skip


def read(network: Network, tensor: Stored, word: int, bits: Sequence[int]) -> dict[str, Any]:
    """A stored word as it stands in the file and with bits flipped, each pair before and after.

    ``word`` are unsigned integers, ``number`` what they are before any scale, ``value`` what they stand for,
    None where their scale or zero point is not known.

    Raises:
        ValueError: no such word or bit.
    """
    if not 0 <= word < tensor.count:
        raise ResqError(f"{tensor.name} has words 0 to {tensor.count - 1}, got {word}")
    if any(not 0 <= bit < tensor.width for bit in bits):
        raise ResqError(f"words of {tensor.name} have bits 0 to {tensor.width - 1}, got {list(bits)}")
    raw = np.frombuffer(network.parsed.memory, np.uint8).copy()
    pair, numbers = [], []
    for flips in (NO_FLIPS, _flips(network, tensor, word, bits)):
        places, masks = network.places(flips)
        raw[places] ^= masks.astype(np.uint8)
        pair.append(int(words.unsigned(raw, tensor)[word]))
        numbers.append(float(words.numbers(raw, tensor).reshape(-1)[word]))
    if (quantizer := quantizers.of_word(tensor, word)) is None:
        return {"word": pair, "number": numbers, "value": [None, None], "scale": None}
    scale, zero = quantizer
    return {"word": pair, "number": numbers, "value": [(n - zero) * scale for n in numbers], "scale": scale}


def _flips(network: Network, tensor: Stored, word: int, bits: Sequence[int]) -> BitFlips:
    first = network.layout.address(tensor.name, 0, 0) + word * tensor.width
    return BitFlips(first + np.asarray(sorted(set(bits)), np.int64), np.zeros(len(set(bits))))


def run(spec: FileFlip) -> dict[str, Any]:
    """The word, and the probabilities of each class before and after, None where the answer is no number.

    Raises:
        ValueError: no such layer, word, bit or image; images of other classes; a file that is not run; or
            one that does not answer as before once the flips are undone.
        FileNotFoundError: the images are not on this machine.
    """
    test = data.load(spec.data, "test")
    if not 0 <= spec.image < len(test):
        raise ResqError(f"--image must lie in 0..{len(test) - 1}, got {spec.image}")
    image = test.take(np.array([spec.image]))
    with Network(spec.file, spec.targets, Asked.parse(spec.inputs), threads=1) as network:
        tensor = _tensor(network, spec.layer)
        file_classes.check(network, test, spec.data)
        reading = read(network, tensor, spec.word, spec.bits)
        answers, runtime = _answers(network, image.pixels, _flips(network, tensor, spec.word, spec.bits))
        name, digest, refusals = network.name, network.hash, list(network.refusals)
        rest = map(str, range(len(image.classes), network.classes))  # numbers that no label shows
    return {
        "file": name, "data": spec.data, "layer": tensor.name, "place": spec.word, "dtype": tensor.dtype,
        "width": tensor.width, "kind": tensor.kind, "bits": sorted(set(spec.bits)), **reading,
        "image": spec.image, "label": int(image.y[0]), "classes": [*image.classes, *rest],
        "answers": answers, "runtime": runtime, "refused": refusals[:1],
        "hashes": {"weights": digest, "image": image.hash},
    }  # fmt: skip


def _tensor(network: Network, layer: str) -> Stored:
    tensor = next((s for s in network.stored if s.name == layer or not layer), None)
    if tensor is None:
        raise ResqError(f"{network.file.name} has no {network.targets} named {layer!r:.80}")
    return tensor


def _answers(network: Network, x: np.ndarray, flips: BitFlips) -> tuple[list[list[float] | None], str]:
    """Probabilities before and after, and the runtime; that flips are undone is checked."""
    before = network.logits(x)
    network.use(network.ways[0])  # the way that every flip takes: a runtime begun with the flipped file
    with network.flipped(flips):
        after = network.logits(x)
    if network.logits(x).tobytes() != before.tobytes():
        raise ResqError(
            f"{network.file.name} does not answer as before once flips are undone: nothing is shown"
        )
    return [_shares(one[0], probable(network, before)) for one in (before, after)], network.runtime


def _shares(answer: np.ndarray, chances: bool) -> list[float] | None:
    if not np.isfinite(answer).all():
        return None
    each = answer.astype(np.float64)
    return (
        each.tolist() if chances else (np.exp(each - each.max()) / np.exp(each - each.max()).sum()).tolist()
    )
