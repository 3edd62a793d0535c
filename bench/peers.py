"""Peers of the decoders: each function makes a search, posteriors (frames, K) in, labels (frames,) out.

Graphs and matrices, which do not depend on the utterance, are made beforehand. A package that is not
installed raises ModuleNotFoundError.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoseq.decode.graph import StateGraph, build_graph
from emoseq.decode.score import Scoring

Search = Callable[[NDArray], NDArray]
PACKAGES = ("hmmlearn", "librosa", "kaldi_decoder", "kaldifst")


@dataclass(frozen=True)
class Model:
    """Transitions (K, K), language model table (K + 1,) * n, and their weights."""

    transitions: NDArray
    table: NDArray
    scoring: Scoring

    @property
    def graph(self) -> StateGraph:
        return build_graph(self.transitions, self.table, self.scoring)


class Network:
    """The reachable states of a model and their arcs."""

    def __init__(self, model: Model) -> None:
        graph = model.graph
        reached = {*graph.targets[graph.targets >= 0].tolist(), *graph.start_states.tolist()}
        self.number = {state: i for i, state in enumerate(sorted(reached))}
        states = list(self.number)
        self.classes = graph.classes[states]
        self.ends = graph.ends[states]
        self.starts = [(self.number[s], weight) for s, weight in zip(graph.start_states, graph.starts, strict=True)]
        self.arcs: dict[int, list[tuple[int, int, float]]] = defaultdict(list)  # state: (target, class, weight)
        for state, i in self.number.items():
            group, oldest = divmod(state, graph.moves.shape[1])
            self.arcs[i].append((i, int(graph.classes[state]), float(graph.stays[graph.classes[state]])))
            for label in np.flatnonzero(graph.moves[group, oldest] > -np.inf).tolist():
                target = self.number[int(graph.targets[group, label])]
                self.arcs[i].append((target, label, float(graph.moves[group, oldest, label])))


def make_python_beam(model: Model, *, beam: int) -> Search:
    """Make the paper's beam search in plain Python, its hypotheses merged on the language model's state."""
    network = Network(model)
    arcs, classes, ends = dict(network.arcs), network.classes.tolist(), network.ends.tolist()

    def search(posteriors: NDArray) -> NDArray:
        rows = _take_log(posteriors).tolist()
        scores = {state: weight + rows[0][classes[state]] for state, weight in network.starts}
        origin: dict = dict.fromkeys(scores)
        for frame in range(len(rows)):
            # The lowest score kept; where it occurs twice, both are.
            worst = sorted(scores.values(), reverse=True)[:beam][-1]
            # (score, state, the hypothesis it came from)
            hypotheses = [(score, state, origin[state]) for state, score in scores.items() if score >= worst]
            if frame == len(rows) - 1:
                break
            row, scores, origin = rows[frame + 1], {}, {}
            for hypothesis in hypotheses:
                so_far = hypothesis[0]
                for target, label, weight in arcs[hypothesis[1]]:
                    score = so_far + weight + row[label]
                    if target not in scores or score > scores[target]:
                        scores[target], origin[target] = score, hypothesis
        hypothesis = max(hypotheses, key=lambda hypothesis: hypothesis[0] + ends[hypothesis[1]])
        labels = []
        for _ in rows:
            labels.append(classes[hypothesis[1]])
            hypothesis = hypothesis[2]
        return np.array(labels[::-1])

    return search


def make_hmmlearn(model: Model) -> Search:
    """Make hmmlearn's Viterbi in C++ with a dense matrix over the same states.

    Its models need rows that sum to 1, and weighted scores do not; the function that they call takes any rows.
    """
    from hmmlearn import _hmmc

    network = Network(model)
    states = len(network.classes)
    start, matrix = np.zeros(states), np.zeros((states, states))
    for state, weight in network.starts:
        start[state] = np.exp(weight)
    for state, arcs in network.arcs.items():
        for target, _, weight in arcs:
            matrix[state, target] = np.exp(weight)

    def search(posteriors: NDArray) -> NDArray:
        scores = _take_log(posteriors)[:, network.classes]
        scores[-1] += network.ends
        return network.classes[_hmmc.viterbi(start, matrix, scores)[1]]

    return search


def make_kaldi(model: Model, **options: float) -> Search:
    """Make Kaldi's FasterDecoder, as packaged in kaldi-decoder, on a graph of the same states.

    Args:
        options: those of FasterDecoderOptions. Beyond its score beam it keeps the best `min_active` states,
            20 by default; with 0 it is faster, and needs a wider beam.
    """
    import kaldi_decoder
    import kaldifst

    network = Network(model)
    fst = kaldifst.StdVectorFst()
    for _ in range(len(network.classes) + 1):
        fst.add_state()
    fst.start = start = len(network.classes)
    entries = [(start, state, int(network.classes[state]), weight) for state, weight in network.starts]
    inner = [(state, *arc) for state, arcs in network.arcs.items() for arc in arcs]
    for source, target, label, weight in entries + inner:  # labels count from 1, 0 is epsilon
        fst.add_arc(source, kaldifst.StdArc(label + 1, label + 1, -weight, target))
    for state, weight in enumerate(network.ends):
        fst.set_final(state, -weight)
    constant = kaldifst.StdConstFst(fst)  # the faster kind to read

    def search(posteriors: NDArray) -> NDArray:
        decoder = kaldi_decoder.FasterDecoder(constant, kaldi_decoder.FasterDecoderOptions(**options))
        decoder.decode(kaldi_decoder.DecodableCtc(_take_log(posteriors).astype(np.float32)))
        _, lattice = decoder.get_best_path()
        return np.array(kaldifst.get_linear_symbol_sequence(lattice)[1]) - 1

    return search


def make_librosa(model: Model) -> Search:
    """Make librosa's Viterbi, which takes the transition matrix and no language model."""
    from librosa.sequence import viterbi

    return lambda posteriors: viterbi(posteriors.T, model.transitions)


def _take_log(posteriors: NDArray) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.log(posteriors.astype(np.float64))
