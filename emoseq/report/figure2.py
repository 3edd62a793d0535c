"""The paper's Figure 2: the network as a trained model has it."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from emoseq.features.fbank import FRAME_SHIFT
from emoseq.model.blstm import Classifier, Model
from emoseq.report.figures import BLUE, COLUMN, GREEN, VERMILION, in_style


@dataclass(frozen=True)
class Architecture:
    """What Figure 2 says of a network.

    `layer_parameters` holds the number of parameters of each BLSTM layer, `task_parameters` that of each
    task's output layer; a task is its number of outputs.
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
    """Sizes read off a model's tensors."""
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


ROW, GAP = 0.34, 0.16  # inches: height of a row of boxes, and of the arrows between two rows


LEFT, RIGHT = 0.05, 2.55  # of the boxes; the numbers of parameters stand on the right


@in_style
def plot_architecture(network: Architecture) -> Figure:
    """The layers from the features at the bottom to the series on top, with their sizes and numbers of parameters."""
    rows = 1 + len(network.layer_parameters) + (3 if network.is_classifier else 2)
    height = rows * ROW + (rows - 1) * GAP + 0.1
    figure = Figure(figsize=(COLUMN, height), layout="constrained")
    axis = figure.subplots()
    axis.set(xlim=(0, COLUMN), ylim=(0, height))
    axis.set_axis_off()
    bottom = 0.05

    def row(labels: list[str], color: str, parameters: str, *, frame: bool = False) -> None:
        """Boxes side by side, their arrow to the row below, and what stands on the right."""
        nonlocal bottom
        if frame:
            _box(axis, LEFT, bottom, RIGHT - LEFT, "", color, 0.12)
        inset = 0.05 * frame
        width = (RIGHT - LEFT - 2 * inset + 0.06) / len(labels)
        for i, label in enumerate(labels):
            left = LEFT + inset + i * width
            _box(axis, left, bottom + inset, width - 0.06, label, color, 0.3, height=ROW - 2 * inset)
            if bottom > 0.05 and not frame:
                _arrow(axis, left + width / 2 - 0.03, bottom)
        if frame:
            _arrow(axis, (LEFT + RIGHT) / 2, bottom)
        axis.text(COLUMN - 0.02, bottom + ROW / 2, parameters, ha="right", va="center", fontsize=7)
        bottom += ROW + GAP

    cells = network.hidden_size
    row([f"{network.input_size} features of {1000 * FRAME_SHIFT:g} ms"], "0.6", "")
    for parameters in network.layer_parameters:
        row([f"LSTM {cells} $\\rightarrow$", f"LSTM {cells} $\\leftarrow$"], BLUE, f"{parameters:,}", frame=True)
    if network.is_classifier:
        outputs = [f"softmax\n{task}" for task in network.tasks]
        row(outputs, VERMILION, f"{sum(network.task_parameters):,}")
        row(["÷ priors,\narg max"] * len(network.tasks), GREEN, "")
        row(["cluster means, averaged over tasks"], "0.6", "")
    else:
        row(["linear"], VERMILION, f"{sum(network.task_parameters):,}")
        row(["rating"], "0.6", "")
    axis.text(COLUMN - 0.02, bottom - GAP, f"{network.parameters:,}\nparameters", ha="right", va="top", fontsize=7)
    return figure


def _box(
    axis: Axes, left: float, bottom: float, width: float, label: str, color: str, alpha: float, *, height: float = ROW
) -> None:
    shape = FancyBboxPatch(
        (left, bottom), width, height, boxstyle="round,pad=0,rounding_size=0.05", facecolor=to_rgba(color, alpha),
        edgecolor=color, linewidth=0.8,
    )  # fmt: skip
    axis.add_patch(shape)
    axis.text(left + width / 2, bottom + height / 2, label, ha="center", va="center", fontsize=7, linespacing=1.1)


def _arrow(axis: Axes, x: float, top: float) -> None:
    axis.annotate(
        "", (x, top), (x, top - GAP), arrowprops={"arrowstyle": "-|>", "linewidth": 0.7, "color": "0.3", "shrinkA": 0,
        "shrinkB": 0, "mutation_scale": 6},
    )  # fmt: skip
