"""Losses of the classifier and of the regressor (paper, Eqs. 5 to 7, Sec. 4.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax, mse_loss


def cost_sensitive_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Eqs. 6 and 7 for one task, as a mean over frames.

    The cost 1 + |argmax y - l| / K carries no gradient: argmax has none.

    Args:
        logits: shape (frames, K)
        labels: classes of shape (frames,), int64
    """
    cost = 1 + (logits.argmax(dim=-1) - labels).abs() / logits.shape[-1]
    correct = log_softmax(logits, dim=-1).gather(-1, labels[:, None]).squeeze(-1)
    return -(cost * correct).mean()


def concordance_loss(prediction: Tensor, gold: Tensor) -> Tensor:
    """1 - CCC of one utterance with population moments (Eq. 5), for two series of shape (frames,)."""
    x, y = prediction - prediction.mean(), gold - gold.mean()
    spread = (x * x).mean() + (y * y).mean() + (prediction.mean() - gold.mean()).square()
    return 1 - 2 * (x * y).mean() / spread.clamp_min(torch.finfo(spread.dtype).tiny)


def sum_over_tasks(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]:
    """Sum over tasks of a classifier's loss."""
    return lambda outputs, targets: torch.stack([loss(*task) for task in zip(outputs, targets, strict=True)]).sum()


def apply_to_series(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]:
    """A regressor's loss of its one output."""
    return lambda outputs, targets: loss(outputs[0][:, 0], targets[0])


LOSSES = {
    "cls": sum_over_tasks(cost_sensitive_cross_entropy),
    "cls-ce": sum_over_tasks(cross_entropy),
    "reg-mse": apply_to_series(mse_loss),
    "reg-ccc": apply_to_series(concordance_loss),
}


def l2_penalty(network: torch.nn.Module) -> Tensor:
    """Sum of squares of all weights, biases excepted."""
    return torch.stack(
        [parameter.square().sum() for name, parameter in network.named_parameters() if "bias" not in name]
    ).sum()
