"""The stacked heads beside the published modules, which torch differentiates: same start, same batches, no dropout."""

import pytest
import torch
from torch import Tensor, nn

from apex_core.heads import HeadsConfig
from apex_core.heads.fitting import Fit
from apex_core.heads.layers import Masks, Whole
from apex_core.heads.losses import CombinedLoss, parameter_groups, target_losses
from apex_core.heads.model import ApexHeads
from apex_core.heads.rows import Rows
from apex_core.heads.stacked import StackedHeads
from apex_core.heads.together import Together
from apex_core.settings import TrainSettings

CPU = torch.device("cpu")
SHAPES = [(shared, task) for shared in (2, 3) for task in ("full", "popularity")]


def heads(settings: TrainSettings, seed: int = 0) -> ApexHeads:
    torch.manual_seed(seed)
    statistics = ((50.0, 40.0, *[3.0] * 5), (20.0, 25.0, *[0.7] * 5))
    made = ApexHeads(HeadsConfig.of(settings, hidden=24, statistics=statistics))
    for module in made.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(module, nn.BatchNorm1d):  # at rest they would hide an exchange of features
            nn.init.normal_(module.weight, 1.0, 0.2)
            nn.init.normal_(module.bias, 0.0, 0.2)
    return made


def rows(settings: TrainSettings, count: int = 160) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(1)
    shape = (count, 4, 24) if settings.layer_mix == "learned" else (count, 24)
    targets = torch.rand(count, 7, generator=source)
    targets = torch.cat([targets[:, :2] * 100, targets[:, 2:] * 4 + 1], dim=1)
    targets[torch.rand(count, 7, generator=source) < 0.3] = float("nan")
    count_of = 7 if settings.task == "full" else 2
    return torch.randn(shape, generator=source), targets[:, :count_of].contiguous()


def batches(steps: int) -> list[Tensor]:
    source = torch.Generator().manual_seed(2)
    return [torch.randperm(160, generator=source)[: 40 - 7 * (step % 2)] for step in range(steps)]


def plainly(model: ApexHeads, data: tuple[Tensor, Tensor], settings: TrainSettings, steps: int) -> list[float]:
    criterion = CombinedLoss.of(model.config)
    optimizer = torch.optim.AdamW(parameter_groups(model.parameters(), criterion.parameters(), settings))
    model.train()
    losses: list[float] = []
    for index in batches(steps):
        loss = criterion(*target_losses(model(data[0][index]), data[1][index]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*model.parameters(), *criterion.parameters()], settings.clip_norm)
        optimizer.step()
        losses.append(loss.item())
    return losses


def stacked(model: ApexHeads, data: tuple[Tensor, Tensor], settings: TrainSettings, steps: int) -> list[float]:
    fit = Fit.begin(model, settings, CPU, Together())
    held = Rows(data[1], data[0], torch.arange(len(data[0])).numpy())
    losses = [fit.step(held, index, settings.clip_norm).item() for index in batches(steps)]
    fit.heads.store()
    return losses


@pytest.mark.parametrize("loss", ["uncertainty", "standardised"])
@pytest.mark.parametrize("layer_mix", ["AUTHORS_LAYER_MIX", "learned"])
@pytest.mark.parametrize(("shared", "task"), SHAPES)
def test_fifty_steps_lose_what_the_published_modules_lose(shared: int, task: str, layer_mix: str, loss: str) -> None:
    settings = TrainSettings.model_validate({"shared": shared, "task": task, "layer_mix": layer_mix, "loss": loss})
    data = rows(settings)
    plain, ours = heads(settings), heads(settings)
    losses = plainly(plain, data, settings, 50)
    assert stacked(ours, data, settings, 50) == pytest.approx(losses, rel=1e-5, abs=1e-5 * losses[0])
    predicted, wanted = ours.eval()(data[0]), plain.eval()(data[0])
    # The biases before BatchNorm have no gradient; what rounding gives the plain loop moves its averages a little.
    assert ((predicted - wanted).abs() / wanted).max().item() < 2e-2


@pytest.mark.parametrize(("shared", "task"), SHAPES)
def test_gradients_are_those_of_float64(shared: int, task: str) -> None:
    settings = TrainSettings.model_validate({"shared": shared, "task": task})
    data = rows(settings)
    model = heads(settings)
    ours = StackedHeads(model)
    precise = heads(settings).double().train()
    loss = CombinedLoss.of(model.config).double()(*target_losses(precise(data[0].double()), data[1].double()))
    loss.backward()
    predicted = ours(data[0]).requires_grad_()
    CombinedLoss.of(model.config)(*target_losses(predicted, data[1])).backward()
    assert predicted.grad is not None
    ours.backward(predicted.grad)
    assert ours.flat.grad is not None
    ours.flat.data.copy_(ours.flat.grad)
    ours.store()  # now the gradients are what has the published names
    wanted = {name: p.grad for name, p in precise.named_parameters()}
    for name, p in model.named_parameters():
        reference = wanted[name]
        assert reference is not None
        scale = max(reference.abs().max().item(), 1e-3)
        assert (p.double() - reference).abs().max().item() < 2e-4 * scale, name


def test_what_is_loaded_is_stored_again_and_predicts_the_same() -> None:
    settings = TrainSettings()
    model = heads(settings)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    ours = StackedHeads(model)
    vectors, _ = rows(settings)
    wanted = model.eval()(vectors)
    torch.testing.assert_close(ours.predict(vectors), wanted.detach(), rtol=1e-5, atol=1e-4)
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    ours.store()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("layer_mix", ["AUTHORS_LAYER_MIX", "learned"])
def test_a_part_without_rows_adds_nothing(layer_mix: str) -> None:
    """Of a last batch of two rows the third process has none, and takes part in its sums all the same."""
    settings = TrainSettings.model_validate({"layer_mix": layer_mix})
    ours, (vectors, _) = StackedHeads(heads(settings)), rows(settings)
    ours.backward(torch.ones_like(ours(vectors)))
    assert ours.flat.grad is not None
    assert ours.flat.grad.ne(0).any()
    predicted = ours(vectors[:0], Masks(0, CPU), Whole.alone(2))
    assert predicted.shape == (0, 7)
    ours.backward(torch.zeros_like(predicted))
    assert ours.flat.grad.eq(0).all()


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_masks_drop_their_share_independently_and_keep_the_mean(rate: float) -> None:
    masks, first, second = Masks(3, CPU), torch.empty(1000, 999), torch.empty(1000, 999)
    masks.draw(rate, first)
    masks.draw(rate, second)
    assert set(first.unique().tolist()) == {0.0, first.max().item()}
    assert first.max().item() == pytest.approx(1 / (1 - rate), rel=1e-4)
    deviation = (rate * (1 - rate) / first.numel()) ** 0.5
    dropped = first == 0
    assert dropped.float().mean().item() == pytest.approx(rate, abs=5 * deviation)
    # Neighbours, columns, rows and draws know nothing of one another.
    for other in (second == 0, dropped.roll(1, dims=1), dropped.roll(1, dims=0)):
        both = (dropped & other).float().mean().item()
        assert both == pytest.approx(rate**2, abs=5 * (rate**2 * (1 - rate**2) / first.numel()) ** 0.5)
    again = torch.empty_like(first)
    Masks(3, CPU).draw(rate, again)
    assert torch.equal(first, again)


def test_dropout_of_the_published_rates_is_drawn_in_training() -> None:
    settings = TrainSettings()
    torch.manual_seed(0)
    model = ApexHeads(HeadsConfig.of(settings, hidden=24, statistics=((50.0,) * 7, (20.0,) * 7)))
    ours = StackedHeads(model)
    vectors, _ = rows(settings)
    ours(vectors, Masks(0, CPU))
    shares = [(layer.output == 0).float().mean().item() for layer in ours.layers]
    assert shares == pytest.approx([0.3, 0.3, 0.1, 0.1], abs=0.02)
