#!/usr/bin/env bash
# One would guess that an attack with seed=0 keeps its random starts to itself, so that what is drawn after it differs from
# call to call. APGD and APGDT, Square and FAB of torchattacks set the global seed of torch to their own (0 by default) on every call:
# fault maps drawn from torch after each attack are then the same map again and again, and an interval over maps is nought.
# PGD, which has no seed, leaves the generator alone.
# Seen with torchattacks 3.5.1, torch 2.13.0, Python 3.11.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q torch==2.13.0 torchvision==0.28.0 numpy==2.4.6 torchattacks==3.5.1 2>/dev/null
"$room/venv/bin/python" - 2>/dev/null <<'PY'
import torch
import torchattacks

torch.manual_seed(7)
network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 10)).eval()
x = torch.rand(4, 3, 8, 8)
y = network(x).argmax(1)


def maps(attack):
    """Five fault maps of eight bits each, one after every attack on the same images."""
    drawn = []
    for _ in range(5):
        attack(x, y)
        drawn.append(tuple(torch.randint(0, 15360, (8,)).tolist()))
    return len(set(drawn)), drawn[0][:3]


attacks = {
    "PGD": torchattacks.PGD(network, steps=2),
    "APGD": torchattacks.APGD(network, steps=2),
    "Square": torchattacks.Square(network, n_queries=20),
    "FAB": torchattacks.FAB(network, steps=2, n_classes=10),
}
different = {name: maps(attack) for name, attack in attacks.items()}
for name, (number, first) in different.items():
    print(f"{name}: {number} different maps of 5, the first bits {first}")
assert [number for number, _ in different.values()] == [5, 1, 1, 1]
PY
