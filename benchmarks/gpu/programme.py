"""The programme: images as they come, a teacher, short runs, the choice, long runs, words, seeds, attacks."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.gpu import images, judge, plan, strong, train, words
from benchmarks.gpu.learner import Learner
from benchmarks.gpu.methods import METHODS, Method, loss
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
        self.shares = plan.Shares(over=6, tail=6, least=0.5) if tiny else plan.Shares()

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
        asks: Callable[[nn.Module, Tensor, Tensor], Tensor] = lambda net, x, y: loss(
            net, x, y, method, self.teacher
        )
        return Learner(network, self.images, self.batch, asks)

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
        """Writes what the network gets right of the test images, clean and under PGD-50; looks at none of it."""
        x, y = self.test
        clean = judge.right(network, x, y)
        hit = clean & judge.pgd(network, x, y, 5 if self.tiny else 50)
        file = self.out / "tests" / f"{name}.npz"
        np.savez_compressed(file, clean=clean.cpu().numpy(), pgd50=hit.cpu().numpy())

    def ask(self, order: int, name: str, weights: Path, pool: bool, rest: bool = True) -> None:
        """Puts a job where the attacks' workers look: APGD, and the ``rest`` of AutoAttack once there is time."""
        job = {"name": name, "weights": str(weights), "pool": pool, "rest": rest, "n": len(self.test[1])}
        strong.put(self.jobs / f"{order}-{name}.json", job)

    def worded(self, start: str, method: Method) -> None:
        """Goes on from a robust network with bits of its 4-bit words flipped; labels alone are asked for."""
        name, method = f"{start}-words", replace(method, smooth=0.0, taught=0.0)
        if not (seconds := self.shares.turn(name, self.left())):
            return
        try:
            self._worded(start, name, method, seconds)
        except Exception:
            self.note(f"{name} failed", traceback.format_exc())

    def _worded(self, start: str, name: str, method: Method, seconds: float) -> None:
        torch.manual_seed(0)
        network = words.load(self.out / "nets" / f"{start}.safetensors", self.device)
        learner = words.WordLearner(network, self.images, self.batch, method, 0.05)
        found = train.run(learner, self.rows, seconds=seconds, peak=0.02)
        network = learner.finished()
        row = self.finish(name, network, found, pool=True, bits=4, method=vars(method), rate=0.05)
        row["faulty"] = self.faulty(network)
        self.note("faulty", row["faulty"])

    def faulty(self, network: nn.Module) -> dict[str, float]:
        """Held-out accuracy with flips in int4-tmr2 words, mean of five maps at each bit error rate."""
        found: dict[str, float] = {}
        kept = {k: v.clone() for k, v in network.state_dict().items()}
        for rate in (0.01, 0.05, 0.1):
            scores = []
            for _ in range(5):
                network.load_state_dict(kept)
                words.stored_as(network, 4, rate)
                scores.append(float(judge.right(network, self.x, self.y).float().mean()))
            found[str(rate)] = round(sum(scores) / 5, 4)
        return found

    def speed(self) -> float:
        """Seconds of one N-FGSM step, and those of other forms into the log."""
        found = {}
        for name, method, pool in (("n-fgsm", METHODS[0], True), ("n-fgsm, no pool", METHODS[0], False)):
            learner = self.learner(method, 0, pool)
            done = train.run(learner, self.rows, seconds=0.5, peak=0.01)
            found[name] = {**done, "ms": round(1000 * done["seconds"] / done["steps"], 2)}
            self.note("speed", found)
        return float(found["n-fgsm"]["seconds"] / found["n-fgsm"]["steps"])

    def taught(self, seconds: float) -> None:
        """The clean teacher, from a random start on the images that have come so far."""
        clean = Method("clean", "none", smooth=0.0)
        learner = self.learner(clean, 1)
        found = train.run(learner, self.rows, seconds=seconds, peak=0.2)
        teacher = learner.finished().to(torch.float32)
        held = float(judge.right(teacher, self.x, self.y).float().mean())
        self.teacher = teacher.to(torch.bfloat16).requires_grad_(False)
        self.note("teacher", {**found, "held": held, "learned": len(self.rows)})

    def pilots(self, step: float) -> Method:
        """Short runs of all methods at equal cost in passes, and the choice among them."""
        base, rows = METHODS[0].passes(), {}
        seconds = max(2.0, self.shares.turn(f"pilot-{METHODS[0].name}", self.left()))
        for method in METHODS:
            name = f"pilot-{method.name}"
            if method is not METHODS[0] and not self.shares.turn(name, self.left()):
                continue
            steps = max(2, round(seconds / step * base / method.passes()))
            if row := self.tried(name, method, 1.6 * seconds, steps=steps):
                rows[method.name] = row
        method = plan.chosen(rows)
        self.note("chosen", method.name)
        return method

    def fronts(self, method: Method) -> None:
        """The long runs, their words, and the seeds, as long as there is time."""
        pilot = self.log["runs"][f"pilot-{method.name}"]
        first = replace(method, eps=plan.budget(100 * pilot["clean"], 8.0, plan.FIRST, plan.GAIN))
        row = self.long("first", first)
        self.worded("first", first)
        self.long("bare", replace(method, eps=plan.BARE_EPS), pool=False)
        clean = row["clean"] if row else pilot["clean"] + plan.GAIN / 100
        second = replace(method, eps=plan.budget(100 * clean, first.eps, plan.SECOND))
        self.long("second", second)
        self.worded("second", second)
        for seed in (1, 2):
            if seconds := self.shares.turn(f"seed-{seed}", self.left()):
                self.tried(f"seed-{seed}", method, 1.6 * seconds, seed=seed, steps=pilot["steps"])

    def long(self, name: str, method: Method, pool: bool = True) -> dict[str, Any] | None:
        """A run of as many seconds as its share is."""
        seconds = self.shares.turn(name, self.left())
        return self.tried(name, method, seconds, pool=pool) if seconds else None

    def tried(self, name: str, method: Method, seconds: float, **how: Any) -> dict[str, Any] | None:
        """``fit``, or None and a line in the log: one run that fails takes no other with it."""
        try:
            return self.fit(name, method, seconds, **how)
        except Exception:
            self.note(f"{name} failed", traceback.format_exc())
            return None
