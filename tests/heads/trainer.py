"""One of the processes of tests/heads/test_together.py: trains with the others, says how, leaves its weights in a file.

``python -m tests.heads.trainer FOLDER EPOCHS``; who it is stands in the environment, as torchrun writes it.
"""

import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from apex_core.heads import ApexHeads, HeadsConfig
from apex_core.heads.fitting import Fit
from apex_core.heads.rows import Rows
from apex_core.heads.together import ALONE, Together, joined
from apex_core.settings import TrainSettings

SETTINGS = TrainSettings(batch_size=20, device="cpu", learning_rate=1e-3)
ROWS = 131  # the last batch has odd parts


def rows() -> Rows:
    """The same in every process; a third of the labels are missing."""
    source = torch.Generator().manual_seed(1)
    vectors, shares = torch.randn(ROWS, 24, generator=source), torch.rand(ROWS, 7, generator=source)
    targets = torch.cat([shares[:, :2] * 100, shares[:, 2:] * 4 + 1], dim=1)
    targets[torch.rand(ROWS, 7, generator=source) < 0.3] = float("nan")
    return Rows(targets, vectors, torch.arange(ROWS).numpy())


def model(dropout: bool) -> ApexHeads:
    """The same first weights in every process."""
    torch.manual_seed(0)
    statistics = ((50.0, 40.0, *[3.0] * 5), (20.0, 25.0, *[0.7] * 5))
    made = ApexHeads(HeadsConfig.of(SETTINGS, hidden=24, statistics=statistics))
    for module in made.modules():
        if isinstance(module, nn.Dropout) and not dropout:
            module.p = 0.0
    return made


def trained(
    together: Together, epochs: int, dropout: bool, batch_size: int = 20
) -> tuple[list[float], dict[str, Tensor]]:
    """Losses of the epochs, those of the validation last, and the weights."""
    settings = SETTINGS.model_copy(update={"batch_size": batch_size})
    fit = Fit.begin(model(dropout), settings, torch.device("cpu"), together)
    losses: list[float] = []
    for epoch in range(epochs):
        losses.append(fit.learn(rows(), settings))
        if not together.alone:
            sys.stdout.write(f"epoch {epoch}\n")
            sys.stdout.flush()
    fit.heads.store()
    return [*losses, fit.validate(rows())[0]], fit.model.state_dict()


def main(folder: Path, epochs: int) -> None:
    with joined() as together:
        for name, dropout in (("plain", False), ("dropout", True)):
            losses, weights = trained(together, epochs, dropout)
            weights["losses"] = torch.tensor(losses, dtype=torch.float64)
            save_file(weights, folder / f"{name}-{os.environ['RANK']}.safetensors")


if __name__ == "__main__":
    assert ALONE.alone
    main(Path(sys.argv[1]), int(sys.argv[2]))
