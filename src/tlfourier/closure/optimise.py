"""The gradient descent that training and transfer share: best state on validation, exact resumption."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm.auto import tqdm

from tlfourier.closure.batches import Source, draw, steps_per_epoch
from tlfourier.closure.network import check_integers
from tlfourier.closure.precision import in_bfloat16
from tlfourier.doors import door
from tlfourier.flow.malloc import kept_memory
from tlfourier.io.tensorfile import read_tensors, write_tensors

SCHEDULES = ("constant", "one-cycle")
PRECISIONS = ("float32", "bfloat16")

_EXPLODED = 1e3  # times the mean square of the outputs: a thousand times worse than predicting zero


class Diverged(RuntimeError):
    """The loss is not finite or has exploded; the network was put back to its last good state."""


@door
@dataclass(frozen=True)
class Budget:
    """Length and settings of one descent; a round lies between two looks at the validation samples."""

    steps: int
    round_steps: int
    batch_size: int
    learning_rate: float
    schedule: str = "constant"
    precision: str = "float32"
    rotate: bool = True
    seed: int = 0

    @classmethod
    def of(cls, spec: Any, steps: int, round_steps: int) -> Budget:
        """Take the settings from a spec of training or transfer; what it does not name is as by default."""
        shared = [field.name for field in dataclasses.fields(cls) if hasattr(spec, field.name)]
        settings = {name: getattr(spec, name) for name in shared}
        settings |= {"steps": steps, "round_steps": round_steps, "learning_rate": float(spec.learning_rate)}
        return cls(**settings)

    def rate(self, step: int) -> float:
        """Return the learning rate of ``step`` (from 0).

        One-cycle: half a cosine from ``learning_rate / 25`` to ``learning_rate`` over the first 30 % of the
        steps, half a cosine down to ``learning_rate / 2.5e5`` over the rest (Smith and Topin 2018, as in
        PyTorch).
        """
        if self.schedule == "constant":
            return self.learning_rate
        low, high, end = self.learning_rate / 25, self.learning_rate, self.learning_rate / 2.5e5
        peak = 0.3 * self.steps - 1
        if step <= peak:
            return high + (low - high) * (1 + math.cos(math.pi * step / peak)) / 2
        return end + (high - end) * (1 + math.cos(math.pi * (step - peak) / (self.steps - 1 - peak))) / 2


@door
def check_settings(spec: Any) -> None:
    """Raise ValueError when a setting that training and transfer share has an impossible value."""
    check_integers(spec, {"batch_size": 1, "seed": 0})
    if not (isinstance(spec.learning_rate, int | float) and 0 < spec.learning_rate < math.inf):
        raise ValueError(f"learning_rate={spec.learning_rate!r}: accepted are positive numbers")
    if spec.precision not in PRECISIONS:
        raise ValueError(f"precision={spec.precision!r}: accepted are {', '.join(PRECISIONS)}")


@door
class Descent:
    """Adam on the mean squared error of ``model`` over a source, the best state on validation kept.

    ``parameters`` are what is trained, everything else stays as it is; the ``validation`` features and
    targets are never turned; ``look`` predicts from them when they enter another layer than the training's.
    ``weights`` are those of the outputs in the mean, without them all count the same.
    """

    def __init__(
        self,
        model: Callable[[Tensor], Tensor],
        parameters: Mapping[str, nn.Parameter],
        source: Source,
        validation: tuple[Tensor, Tensor],
        budget: Budget,
        look: Callable[[Tensor], Tensor] | None = None,
        weights: Tensor | None = None,
    ) -> None:
        self.roots = None if weights is None else weights.sqrt()[:, None, None]
        self.model, self.parameters, self.source = model, dict(parameters), source
        self.look = look or model
        self.validation, self.budget = validation, budget
        self.adam = torch.optim.Adam(self.parameters.values(), lr=budget.learning_rate, fused=True)
        self.step, self.best_step = 0, 0
        self.best = self._copy()
        self.rows: list[dict[str, float]] = []
        self.limit = _EXPLODED * self._weighed(validation[1]).square().mean().item()
        self._order: tuple[int, Tensor, Tensor] | None = None

    def run(
        self,
        checkpoint: Path | None = None,
        every: int = 5,
        progress: bool = True,
        label: str = "train",
        keep_best: bool = True,
    ) -> None:
        """Descend to the end of the budget, leave the parameters at the best round on validation.

        With ``keep_best=False`` they stay where the last step has left them. Raises Diverged if the loss
        stopped being finite or exploded; the parameters are those of the best round so far.
        """
        if checkpoint is not None and checkpoint.exists():
            self._restore(checkpoint)
        elif not self.rows:
            self._record(math.nan, self.validate())
        budget = self.budget
        with (
            self._without_traces(),
            kept_memory(),
            tqdm(total=budget.steps, initial=self.step, desc=label, disable=not progress, unit="step") as bar,
        ):
            while self.step < budget.steps:
                before = self.step
                self._round()
                bar.update(self.step - before)
                bar.set_postfix(validation=f"{self.rows[-1]['validation_loss']:.4f}", best=self.best_step)
                rounds = len(self.rows) - 1
                if checkpoint is not None and (rounds % every == 0 or self.step == budget.steps):
                    self._save(checkpoint)
        if keep_best:
            self._load_best()

    @contextlib.contextmanager
    def _without_traces(self) -> Iterator[None]:
        """Give the parameters back with the gradients that they came with."""
        grads = [(parameter, parameter.grad) for parameter in self.parameters.values()]
        try:
            yield
        finally:
            for parameter, grad in grads:
                parameter.grad = grad

    def warm(self, source: Source, steps: int) -> None:
        """Fill Adam's moments with the gradients on other samples; at rate zero no parameter moves a bit."""
        own, self.source, self._order = self.source, source, None
        for step in range(steps):
            self._descend(step, rate=0.0)
        self.source, self._order = own, None

    def validate(self) -> float:
        """Return the mean squared error over the validation samples, in the precision of the training."""
        features, targets = self.validation
        size, total = self.budget.batch_size, 0.0
        with torch.no_grad():
            for batch, wanted in zip(features.split(size), targets.split(size), strict=True):
                total += self._loss(self.look, batch, wanted).item() * len(batch)
        return total / len(features)

    def _loss(self, model: Callable[[Tensor], Tensor], features: Tensor, targets: Tensor) -> Tensor:
        half = in_bfloat16(self.budget.precision, features.device.type)
        with torch.autocast(features.device.type, torch.bfloat16, enabled=half):
            prediction = model(features)
        return functional.mse_loss(self._weighed(prediction.float()), self._weighed(targets))

    def _weighed(self, outputs: Tensor) -> Tensor:
        """Return outputs whose squares count in the mean as the weights say."""
        return outputs if self.roots is None else outputs * self.roots

    def advance(self) -> tuple[Tensor, int]:
        """Take one gradient step; return the loss before it and the number of samples in its batch."""
        found = self._descend(self.step, self.budget.rate(self.step))
        self.step += 1
        return found

    def _descend(self, step: int, rate: float) -> tuple[Tensor, int]:
        features, targets = self.source.batch(*self._batch(step))
        for group in self.adam.param_groups:
            group["lr"] = rate
        loss = self._loss(self.model, features, targets)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss.detach(), len(features)

    def _round(self) -> None:
        total, count = torch.zeros((), device=self.validation[0].device), 0
        for _ in range(min(self.budget.round_steps, self.budget.steps - self.step)):
            loss, samples = self.advance()
            total += loss * samples
            count += samples
        self._record(total.item() / count, self.validate())

    def _record(self, train_loss: float, validation_loss: float) -> None:
        worst = max(validation_loss, train_loss) if self.rows else validation_loss
        if not math.isfinite(worst) or (self.rows and worst > self.limit):
            self._load_best()
            raise Diverged(
                f"training diverged by step {self.step} of {self.budget.steps} (train loss {train_loss:.3g}, "
                f"validation loss {validation_loss:.3g}): the network is back at step {self.best_step}; "
                f"lower the learning rate of {self.budget.learning_rate:g}"
            )
        if all(validation_loss < row["validation_loss"] for row in self.rows):
            self.best, self.best_step = self._copy(), self.step
        row = {"step": self.step, "train_loss": train_loss, "validation_loss": validation_loss}
        self.rows.append({**row, "learning_rate": self.budget.rate(max(self.step - 1, 0))})

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        epoch, place = divmod(step, steps_per_epoch(len(self.source), self.budget.batch_size))
        if self._order is None or self._order[0] != epoch:
            order, turns = draw(len(self.source), self.budget.seed, epoch)
            self._order = (epoch, order, turns if self.budget.rotate else torch.zeros_like(turns))
        part = slice(place * self.budget.batch_size, (place + 1) * self.budget.batch_size)
        return self._order[1][part], self._order[2][part]

    @torch.no_grad()
    def _copy(self) -> dict[str, Tensor]:
        return {name: parameter.detach().clone() for name, parameter in self.parameters.items()}

    @torch.no_grad()
    def _load_best(self) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(self.best[name])

    def _identity(self) -> dict[str, Any]:
        return {"budget": dataclasses.asdict(self.budget), "data": self._digest}

    @functools.cached_property
    def _digest(self) -> str:
        """Hash all features, then all targets, batch by batch: twice the reading, but never all in memory."""
        digest, size = hashlib.sha256(), self.budget.batch_size
        for which in (0, 1):
            for indices in torch.arange(len(self.source)).split(size):
                digest.update(_bytes(self.source.batch(indices, torch.zeros_like(indices))[which]))
        for tensor in self.validation:
            for part in tensor.split(size):
                digest.update(_bytes(part))
        return digest.hexdigest()

    def _save(self, path: Path) -> None:
        tensors: dict[str, Tensor] = {}
        for name, parameter in self.parameters.items():
            tensors[f"now.{name}"], tensors[f"best.{name}"] = parameter, self.best[name]
            moments = self.adam.state[parameter]
            tensors[f"first.{name}"], tensors[f"second.{name}"] = moments["exp_avg"], moments["exp_avg_sq"]
        record = {"step": self.step, "best_step": self.best_step, "rows": self.rows, **self._identity()}
        write_tensors(path, tensors, record)

    @torch.no_grad()
    def _restore(self, path: Path) -> None:
        tensors, record = read_tensors(path)
        kinds = ("now", "best", "first", "second")
        wanted = {f"{kind}.{name}": p.shape for kind in kinds for name, p in self.parameters.items()}
        if not isinstance(record, dict) or wanted != {name: tensor.shape for name, tensor in tensors.items()}:
            raise ValueError(f"checkpoint {path} is not of this network: delete it to train from the start")
        for key, value in self._identity().items():
            if record.get(key) != value:
                raise ValueError(f"checkpoint {path} is of another {key}: delete it to train from the start")
        for name, parameter in self.parameters.items():
            parameter.copy_(tensors[f"now.{name}"])
            self.best[name].copy_(tensors[f"best.{name}"])
            first, second = torch.zeros_like(parameter.data), torch.zeros_like(parameter.data)
            first.copy_(tensors[f"first.{name}"])
            second.copy_(tensors[f"second.{name}"])
            count = torch.tensor(float(record["step"]), device=parameter.device)
            self.adam.state[parameter] = {"step": count, "exp_avg": first, "exp_avg_sq": second}
        self.step, self.best_step, self.rows = record["step"], record["best_step"], record["rows"]


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().float().cpu().contiguous().numpy().tobytes()
