"""The paper's Figure 2, drawn from a trained model."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from emoseq.model.blstm import Classifier, Model
from emoseq.report.figures import BLUE, COLUMN, GREEN, VERMILION, in_style


@dataclass(frozen=True)
class Architecture:
    """Sizes of a network, as Figure 2 shows them.

    `layer_parameters` and `task_parameters` are the numbers of parameters of each BLSTM layer and of each task's
    output layer. `tasks` holds the number of outputs of each task.
    """

    input_size: int
    hidden_size: int
    layer_parameters: tuple[int, ...]
    tasks: tuple[int, ...]
    task_parameters: tuple[int, ...]
    is_classifier: bool

    @property
    def parameters(self) -> int:
        return sum(self.layer_parameters) + sum(self.task_parameters)


def describe_architecture(model: Model) -> Architecture:
    """Read the sizes off a model's tensors."""
    network = model.network
    sizes = {name: tensor.numel() for name, tensor in network.blstm.named_parameters()}
    layers = range(network.blstm.num_layers)
    width = network.output.in_features
    return Architecture(
        network.blstm.input_size,
        network.blstm.hidden_size,
        tuple(sum(n for name, n in sizes.items() if name.removesuffix("_reverse").endswith(f"_l{i}")) for i in layers),
        network.tasks,
        tuple(task * (width + 1) for task in network.tasks),
        isinstance(model, Classifier),
    )


ROW, GAP = 0.34, 0.16  # inches: heights of a row of boxes and of the arrows between rows


LEFT, RIGHT = 0.05, 2.55  # inches: edges of the boxes; numbers of parameters are right of them


@in_style
def plot_architecture(network: Architecture, *, frame_shift: float) -> Figure:
    """Plot the layers from the features at the bottom to the series on top, with sizes and numbers of parameters.

    Args:
        network: its sizes
        frame_shift: seconds
    """
    rows = 1 + len(network.layer_parameters) + (3 if network.is_classifier else 2)
    height = rows * ROW + (rows - 1) * GAP + 0.1
    figure = Figure(figsize=(COLUMN, height), layout="constrained")
    axis = figure.subplots()
    axis.set(xlim=(0, COLUMN), ylim=(0, height))
    axis.set_axis_off()
    bottom = 0.05

    def draw_row(labels: list[str], color: str, parameters: str, *, frame: bool = False) -> None:
        """Draw boxes side by side, an arrow from the row below, and the number of parameters."""
        nonlocal bottom
        if frame:
            _draw_box(axis, LEFT, bottom, RIGHT - LEFT, "", color, 0.12)
        inset = 0.05 * frame
        width = (RIGHT - LEFT - 2 * inset + 0.06) / len(labels)
        for i, label in enumerate(labels):
            left = LEFT + inset + i * width
            _draw_box(axis, left, bottom + inset, width - 0.06, label, color, 0.3, height=ROW - 2 * inset)
            if bottom > 0.05 and not frame:
                _draw_arrow(axis, left + width / 2 - 0.03, bottom)
        if frame:
            _draw_arrow(axis, (LEFT + RIGHT) / 2, bottom)
        axis.text(COLUMN - 0.02, bottom + ROW / 2, parameters, ha="right", va="center", fontsize=7)
        bottom += ROW + GAP

    cells = network.hidden_size
    draw_row([f"{network.input_size} features of {1000 * frame_shift:g} ms"], "0.6", "")
    for parameters in network.layer_parameters:
        draw_row([f"LSTM {cells} $\\rightarrow$", f"LSTM {cells} $\\leftarrow$"], BLUE, f"{parameters:,}", frame=True)
    if network.is_classifier:
        outputs = [f"softmax\n{task}" for task in network.tasks]
        draw_row(outputs, VERMILION, f"{sum(network.task_parameters):,}")
        draw_row(["÷ priors,\narg max"] * len(network.tasks), GREEN, "")
        draw_row(["cluster means, averaged over tasks"], "0.6", "")
    else:
        draw_row(["linear"], VERMILION, f"{sum(network.task_parameters):,}")
        draw_row(["rating"], "0.6", "")
    axis.text(COLUMN - 0.02, bottom - GAP, f"{network.parameters:,}\nparameters", ha="right", va="top", fontsize=7)
    return figure


def _draw_box(
    axis: Axes, left: float, bottom: float, width: float, label: str, color: str, alpha: float, *, height: float = ROW
) -> None:
    shape = FancyBboxPatch(
        (left, bottom), width, height, boxstyle="round,pad=0,rounding_size=0.05", facecolor=to_rgba(color, alpha),
        edgecolor=color, linewidth=0.8,
    )  # fmt: skip
    axis.add_patch(shape)
    axis.text(left + width / 2, bottom + height / 2, label, ha="center", va="center", fontsize=7, linespacing=1.1)


def _draw_arrow(axis: Axes, x: float, top: float) -> None:
    axis.annotate(
        "", (x, top), (x, top - GAP), arrowprops={"arrowstyle": "-|>", "linewidth": 0.7, "color": "0.3", "shrinkA": 0,
        "shrinkB": 0, "mutation_scale": 6},
    )  # fmt: skip
