"""One training step on the device, recorded as a CUDA graph so that nothing waits for launches.

Weights are kept in float32; the network computes with a copy whose convolutions are bfloat16. Momentum,
weight decay, the average of the weights and the faults of ``Learner.faulty`` all lie inside the step.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.gpu.images import Images
from benchmarks.gpu.network import ResNet18, halved

MOMENTUM, DECAY, AVERAGE = 0.9, 5e-4, 0.999
Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


class Learner:
    """A network that learns: weights, momentum, late average, and the step that changes them.

    Attributes:
        network: what computes, half of it in bfloat16.
        master: its parameters in float32; ``mean`` their average.
        graphs: whether steps are recorded.
    """

    graphs = True

    def __init__(self, network: ResNet18, images: Images, batch: int, loss: Loss) -> None:
        device = images.y.device
        network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.names = [name for name, _ in network.named_parameters()]
        self.master = [p.detach().float().clone() for p in network.parameters()]
        self.pool = network.pool
        self.network = halved(network).requires_grad_(True)
        self.working: list[Tensor] = list(self.network.parameters())
        self.momentum = [torch.zeros_like(p) for p in self.master]
        self.buffers = [b for b in self.network.buffers() if b.is_floating_point() and b.ndim == 1]
        self.mean = [p.clone() for p in self.master]
        self.mean_buffers = [b.clone() for b in self.buffers]
        self.rate = torch.zeros((), device=device)
        self.follow = torch.ones((), device=device)  # 1: the average is the weights themselves
        self.rows = torch.zeros(batch, dtype=torch.int64, device=device)
        self.loss_sum = torch.zeros((), device=device)
        self.images, self.loss = images, loss
        self.after: Callable[[], None] = lambda: None
        self.graph: torch.cuda.CUDAGraph | None = None

    def write(self, values: list[Tensor]) -> None:
        """Puts these parameters into the computing network."""
        with torch.no_grad():
            torch._foreach_copy_(self.working, values)

    def gradients(self) -> list[Tensor]:
        """The gradient of one batch to every parameter, float32."""
        x, y = self.images.batch(self.rows)
        self.write(self.master)
        found = self.loss(self.network, x, y)
        self.loss_sum += found.detach()
        return [g.float() for g in torch.autograd.grad(found, self.working)]

    def step(self) -> None:
        """One step of SGD with Nesterov's momentum, and of the average."""
        gradients = self.gradients()
        with torch.no_grad():
            torch._foreach_add_(gradients, self.master, alpha=DECAY)
            torch._foreach_mul_(self.momentum, MOMENTUM)
            torch._foreach_add_(self.momentum, gradients)
            torch._foreach_add_(gradients, self.momentum, alpha=MOMENTUM)
            torch._foreach_mul_(gradients, self.rate)
            torch._foreach_sub_(self.master, gradients)
            self.after()
            for mean, now in ((self.mean, self.master), (self.mean_buffers, self.buffers)):
                gap = torch._foreach_sub(now, mean)
                torch._foreach_mul_(gap, self.follow)
                torch._foreach_add_(mean, gap)

    def record(self) -> str:
        """Records the step as a graph; says how steps are run from now on, and why where not as a graph."""
        if not self.graphs:
            return "eager: as asked"
        kept = self.state()
        try:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    self.step()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.step()
            self.graph = graph
            found = "graph"
        except Exception as error:  # the programme goes on, slower, whatever the reason
            found = f"eager: {type(error).__name__}: {str(error)[:200]}"
        self.restore(kept)
        return found

    def run(self, rows: Tensor, rate: float, follow: float) -> None:
        """One step on these rows (batch,) int64, which lie on the device."""
        self.rows.copy_(rows)
        self.rate.fill_(rate)
        self.follow.fill_(follow)
        self.graph.replay() if self.graph else self.step()

    def state(self) -> list[Tensor]:
        """A copy of everything that a step changes."""
        return [t.detach().clone() for t in self._changing()]

    def restore(self, kept: list[Tensor]) -> None:
        """Puts such a copy back."""
        with torch.no_grad():
            torch._foreach_copy_(self._changing(), kept)

    def _changing(self) -> list[Tensor]:
        own = [self.loss_sum, *self.buffers, *self.mean_buffers]
        return [*self.master, *self.momentum, *self.mean, *own]

    def finished(self, mean: bool = True) -> ResNet18:
        """A float32 network in evaluation mode with the averaged weights, or with the present ones."""
        width = len(self.master[0])
        network = ResNet18(self.pool, width=width).to(self.rate.device)
        with torch.no_grad():
            own_weights: list[Tensor] = list(network.parameters())
            torch._foreach_copy_(own_weights, self.mean if mean else self.master)
            own = [b for b in network.buffers() if b.is_floating_point() and b.ndim == 1]
            torch._foreach_copy_(own, self.mean_buffers if mean else self.buffers)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.eval().requires_grad_(False)
