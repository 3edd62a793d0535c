"""Losses of the classifier (paper, Eqs. 6 and 7) and of the regressors (Sec. 4.4), and the L2 penalty."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax, mse_loss


def compute_costs(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cost 1 + |argmax y - l| / K of each frame (Eq. 7), shape (frames,), for one task.

    It carries no gradient, since argmax has none.
    """
    return 1 + (logits.argmax(dim=-1) - labels).abs() / logits.shape[-1]


def cost_sensitive_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of one task (Eq. 6), as the mean over frames instead of the sum.

    Args:
        logits: shape (frames, K)
        labels: classes of shape (frames,), int64

    In this example with K = 2, the first frame is right: its cost is 1. The second frame takes class 0 for
    class 1: its cost is 1 + 1/2. The loss is -(1 * log 0.9 + 1.5 * log 0.2) / 2 = (0.1054 + 2.4142) / 2.

    >>> posteriors = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
    >>> loss = cost_sensitive_cross_entropy(posteriors.log(), torch.tensor([0, 1]))
    >>> round(loss.item(), 4)
    1.2598
    """
    log_posteriors = log_softmax(logits, dim=-1)
    correct = log_posteriors.gather(-1, labels[:, None]).squeeze(-1)
    return -(compute_costs(logits, labels) * correct).mean()


def concordance_loss(prediction: Tensor, gold: Tensor) -> Tensor:
    """Return 1 - CCC of one utterance (Eq. 5, population moments) for two series of shape (frames,)."""
    x, y = prediction - prediction.mean(), gold - gold.mean()
    spread = (x * x).mean() + (y * y).mean() + (prediction.mean() - gold.mean()).square()
    return 1 - 2 * (x * y).mean() / spread.clamp_min(torch.finfo(spread.dtype).tiny)


# A loss of one utterance, from the network's outputs and the targets of each task.
Loss = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]


def sum_over_tasks(loss: Callable[[Tensor, Tensor], Tensor]) -> Loss:
    """Make a classifier's loss, the sum over tasks of Eq. 6, from the loss of one task."""
    return lambda outputs, targets: torch.stack([loss(*task) for task in zip(outputs, targets, strict=True)]).sum()


def apply_to_series(loss: Callable[[Tensor, Tensor], Tensor]) -> Loss:
    """Make a regressor's loss from the loss of two series; its network has one output."""
    return lambda outputs, targets: loss(outputs[0][:, 0], targets[0])


LOSSES = {
    "cls": sum_over_tasks(cost_sensitive_cross_entropy),
    "cls-ce": sum_over_tasks(cross_entropy),
    "reg-mse": apply_to_series(mse_loss),
    "reg-ccc": apply_to_series(concordance_loss),
}


def l2_penalty(network: torch.nn.Module) -> Tensor:
    """Return the sum of squares of all weights, biases excepted."""
    return torch.stack(
        [parameter.square().sum() for name, parameter in network.named_parameters() if "bias" not in name]
    ).sum()
