#!/usr/bin/env bash
# One would guess that the hash of a deployed program follows from its graph and weights. torch.export.save writes, for every
# operator, the trace of the Python lines that called it, with the absolute path of their file: the same source, weights and
# images in two folders give two files of other hashes, whose weights and answers are the same, and
# who gets the file reads where its author's code lay.
# Seen with torch 2.13.0.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6 2>/dev/null
for folder in one another; do
    mkdir "$room/$folder"
    cat > "$room/$folder/small.py" <<'PY'
import sys

import torch
from torch import nn


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, images):
        return torch.relu(self.layer(images)).mean((2, 3))


torch.manual_seed(0)
torch.export.save(torch.export.export(Small().eval(), (torch.rand(2, 3, 8, 8),)), sys.argv[1])
PY
    for turn in first second; do
        mkdir "$room/$folder/$turn"
        "$room/venv/bin/python" "$room/$folder/small.py" "$room/$folder/$turn/small.pt2" 2>/dev/null
    done
done
"$room/venv/bin/python" - "$room" 2>/dev/null <<'PY'
import hashlib
import sys
import zipfile
from pathlib import Path

import torch

room = Path(sys.argv[1])
files = {(f, t): room / f / t / "small.pt2" for f in ("one", "another") for t in ("first", "second")}
hashes = {at: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for at, file in files.items()}
named = {}
for at, file in files.items():
    with zipfile.ZipFile(file) as packed:
        named[at] = [n for n in packed.namelist() if str(room / at[0] / "small.py").encode() in packed.read(n)]
    print(*at, file.stat().st_size, "bytes, sha256", hashes[at], "the path of its code in", *named[at])
assert hashes["one", "first"] == hashes["one", "second"] != hashes["another", "first"] == hashes["another", "second"]
assert all(len(entries) == 1 and entries[0].endswith(".json") for entries in named.values())
images = torch.rand(2, 3, 8, 8)
a, b = (torch.export.load(files[folder, "first"]).module() for folder in ("one", "another"))
assert torch.equal(a(images), b(images))
assert all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))
print("weights and answers are the same")
PY
