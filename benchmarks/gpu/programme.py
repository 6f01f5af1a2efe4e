"""What all runs share: images as they come, the log, the clock, and what becomes of a trained network."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.gpu import images, judge, plan, strong, train, words
from benchmarks.gpu.learner import Learner
from benchmarks.gpu.methods import Method, loss
from benchmarks.gpu.network import ResNet18


class Programme:
    """Everything that the runs share.

    Attributes:
        out: folder of what is brought home; ``jobs`` of attacks to do.
        log: everything that happened, written anew after every event.
        end: when all must be over, seconds since the epoch.
    """

    def __init__(self, out: Path, end: float, tiny: bool) -> None:
        self.out, self.jobs, self.end, self.tiny = out, out / "jobs", end, tiny
        for folder in (self.out, self.jobs, self.out / "attacks", self.out / "tests", self.out / "nets"):
            folder.mkdir(parents=True, exist_ok=True)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.width, self.batch = (8, 64) if tiny else (64, 256)
        self.looks = 64 if tiny else 512
        self.log: dict[str, Any] = {"device": self._device(), "torch": torch.__version__, "runs": {}}
        self.teacher: nn.Module | None = None
        self.began = time.time()
        self.shares = plan.Shares(fixed=0.3) if tiny else plan.Shares()

    def _device(self) -> str:
        return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"

    def note(self, key: str, value: Any) -> None:
        """Writes a line of the log."""
        self.log[key] = value
        self.log["at"] = round(time.time() - self.began, 1)
        part = self.out / "log.part"
        part.write_text(json.dumps(self.log, indent=1, default=str))
        part.replace(self.out / "log.json")
        print(f"{self.log['at']:7.1f} s  {key}: {str(value)[:300]}", flush=True)

    def left(self) -> float:
        """Seconds until all must be over."""
        return self.end - time.time()

    def take(self, pixels: np.ndarray, y: np.ndarray, total: int) -> None:
        """Puts these first rows of the training split on the device, without those that are held out."""
        held = images.held_out(total, images.HELD if total == images.TRAIN else total // 10)
        held = held[held < len(y)]
        rows = np.setdiff1d(np.arange(len(y)), held)
        self.images = images.learned(pixels, y, self.device)
        self.rows = torch.from_numpy(rows).to(self.device)
        self.x, self.y = images.floats(pixels[held], self.device), torch.from_numpy(y[held]).to(self.device)
        self.note("images", {"learned": len(rows), "held": len(held)})

    def tests(self, pixels: np.ndarray, y: np.ndarray) -> None:
        """Test images: what is measured on them is written and never read here."""
        np.savez(self.out / "test.npz", x=pixels, y=y)
        self.test = images.floats(pixels, self.device), torch.from_numpy(y).to(self.device)

    def learner(self, method: Method, seed: int, pool: bool = True) -> Learner:
        """A network from a random start that will learn by this method."""
        torch.manual_seed(seed)
        network = ResNet18(pool, width=self.width)
        return Learner(network, self.images, self.batch, partial(loss, method=method, teacher=self.teacher))

    def fit(
        self,
        name: str,
        method: Method,
        seconds: float,
        *,
        seed: int = 0,
        pool: bool = True,
        steps: int | None = None,
    ) -> dict[str, Any]:
        """Trains, judges on held-out images, writes the network and asks for its attacks; returns the row."""
        learner = self.learner(method, seed, pool)
        watch = train.Watch(self.x[: self.looks], self.y[: self.looks], max(0.5, seconds / 12), method.eps)
        found = train.run(learner, self.rows, seconds=seconds, peak=0.2, steps=steps, watch=watch)
        network = learner.finished()
        return self.finish(name, network, found, pool=pool, method=vars(method), seed=seed)

    def finish(
        self, name: str, network: nn.Module, found: dict[str, Any], *, pool: bool, bits: int = 8, **about: Any
    ) -> dict[str, Any]:
        """Judges a trained network as it is stored, and hands it to the attacks."""
        file = self.out / "nets" / f"{name}.safetensors"
        words.write(network, file, bits)
        stored = words.load(file, self.device, pool)
        clean, robust = judge.held(stored, self.x, self.y)
        row = {
            "clean": round(clean, 5),
            "robust": round(robust, 5),
            **found,
            **about,
            "pool": pool,
            "bits": bits,
        }
        self.log["runs"][name] = row
        self.note(
            name, {k: row[k] for k in ("clean", "robust", "epochs", "seconds", "mode", "overfitted_at")}
        )
        self.measured(name, stored)
        short = name.startswith(("pilot", "seed"))
        self.ask(5 if short else 3, name, file, pool, rest=not short)
        return row

    def measured(self, name: str, network: nn.Module) -> None:
        """Writes what the network gets right of the test images, clean and under PGD-50; reads none of it."""
        x, y = self.test
        clean = judge.right(network, x, y)
        hit = clean & judge.pgd(network, x, y, 5 if self.tiny else 50)
        file = self.out / "tests" / f"{name}.npz"
        np.savez_compressed(file, clean=clean.cpu().numpy(), pgd50=hit.cpu().numpy())

    def ask(self, order: int, name: str, weights: Path, pool: bool, rest: bool = True) -> None:
        """Puts a job where the attacks' workers look: APGD, and the ``rest`` of AutoAttack in the end."""
        job = {"name": name, "weights": str(weights), "pool": pool, "rest": rest, "n": len(self.test[1])}
        strong.put(self.jobs / f"{order}-{name}.json", job)
