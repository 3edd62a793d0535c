#!/usr/bin/env python3
"""Time, memory and search errors of the decoders on one core, as Markdown tables.

    . ./path.sh
    pip install -r bench/requirements.txt    # the peers; without them their rows say "not installed"
    python3 bench/decoding.py                # some minutes; --quick leaves out the slow rows

The input is synthetic: an emotion that walks to neighbouring classes, staying in each for 50 frames on average, and
posteriors so noisy that with 10 classes six frames in ten have another most probable class. Trigram, LM weight 6, 10
classes and 7500 frames (300 s) unless a table says otherwise. Each row is a process of its own: it runs once on 50
frames, so that compiled code is warm, once for its memory, and five times for its time. Times are processor times,
which equal wall-clock times on an idle machine and hardly change with other work beside it.

Everything from posteriors to labels is timed. That includes the state graph of emoseq; the graphs and matrices of
its peers are made beforehand. The score of the labels is computed from the definitions, and the score gap is its
distance below that of exact search. Memory is resident memory: what a run adds at its peak, and the whole process.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import peers
from bench.peers import Model, Search
from emoseq.decode.decoder import decode
from emoseq.decode.forward_backward import compute_class_posteriors
from emoseq.decode.joint import JointDecoder
from emoseq.decode.nbest import align, find_n_best
from emoseq.decode.resolution import Resolution
from emoseq.decode.score import Scoring, acoustic_score, language_model_score, scale_log_posteriors, total_score
from emoseq.decode.semi_markov import DurationDecoder
from emoseq.decode.streaming import StreamingDecoder
from emoseq.lm.arpa import ARPA_ZERO
from emoseq.lm.regions import LmOptions, collapse, estimate_hazards, estimate_transitions
from emoseq.lm.witten_bell import witten_bell

FRAMES, CLASSES, ORDER, WEIGHT, RUNS = 7500, 10, 3, 6.0, 5
FRAME_SECONDS = 0.04
RESOLUTIONS = (4, 6, 8, 10)  # of joint decoding


@dataclass(frozen=True)
class Utterance:
    """Synthetic input of a decoder, and the model estimated from its own labels."""

    frames: int = FRAMES
    classes: int = CLASSES
    order: int = ORDER
    weight: float = WEIGHT
    walk_classes: int = 0  # of the emotion that the classes are to tell apart, as many as the classes if 0
    seed: int = 0

    def labels(self) -> NDArray:
        """Return a walk to neighbouring classes, turned back at the ends, in as many classes as are to be decoded."""
        walk_classes, random = self.walk_classes or self.classes, np.random.default_rng(self.seed)
        steps = random.choice([-1, 0, 1], size=self.frames, p=[0.01, 0.98, 0.01])
        position = (walk_classes // 2 + np.cumsum(steps)) % (2 * walk_classes - 2)
        walk = walk_classes - 1 - np.abs(walk_classes - 1 - position)
        return ((walk + 0.5) / walk_classes * self.classes).astype(int)

    def posteriors(self) -> NDArray[np.float32]:
        random = np.random.default_rng([self.seed, self.classes])
        distance = (np.arange(self.classes) - self.labels()[:, None]) * (10 / self.classes)
        logits = -0.5 * (distance + random.normal(size=(self.frames, 1))) ** 2
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits.astype(np.float32)

    def model(self) -> Model:
        labels = self.labels()
        tables = witten_bell([collapse(labels).tolist()], self.classes, self.order)
        with np.errstate(divide="ignore"):
            table = np.maximum(np.log(tables[-1]), ARPA_ZERO * np.log(10))
        return Model(estimate_transitions([labels], self.classes), table, Scoring(lm_weight=self.weight))


def make_decoder(model: Model, *, search: str = "exact", beam: int = 1) -> Search:
    arguments = (model.transitions, model.table, model.scoring)
    return lambda posteriors: decode(posteriors, *arguments, search=search, beam=beam).labels


def make_stream(model: Model, *, lag: int) -> Search:
    """Make a search that takes the frames one by one, as they would arrive."""
    graph = model.graph

    def search(posteriors: NDArray) -> NDArray:
        stream = StreamingDecoder(graph, model.scoring, lag=lag)
        return np.concatenate([*(stream.push(frame) for frame in posteriors[:, None]), stream.finish()])

    return search


def make_posterior_decoder(model: Model) -> Search:
    def search(posteriors: NDArray) -> NDArray:
        scores = scale_log_posteriors(posteriors, len(model.transitions), model.scoring)
        return compute_class_posteriors(scores, model.graph).argmax(axis=1)

    return search


def make_n_best(model: Model) -> Search:
    def search(posteriors: NDArray) -> NDArray:
        scores = scale_log_posteriors(posteriors, len(model.transitions), model.scoring)
        return align(scores, model.graph.stays, find_n_best(scores, model.graph, 10)[0].regions)

    return search


def make_duration_decoder(model: Model) -> Search:
    table = estimate_hazards([Utterance().labels()], CLASSES, longest=LmOptions(orders=(ORDER,)).longest_duration)
    decoder = DurationDecoder(model.transitions, model.table, table, model.scoring)
    return lambda posteriors: decoder(posteriors).labels


def make_joint_decoder(model: Model) -> Search:
    """Make a search of all resolutions of one utterance that returns the labels of the finest."""
    order = model.table.ndim
    tasks = [Utterance(classes=classes, order=order, walk_classes=CLASSES) for classes in RESOLUTIONS]
    resolutions = []
    for task in tasks:
        centers = ((np.arange(task.classes) + 0.5) / task.classes) ** 1.1  # no boundaries in common
        each = task.model()
        geometric = 1 - each.transitions.diagonal()[:, None]
        resolutions.append(Resolution(centers, each.transitions, {order: each.table}, geometric))
    decoder = JointDecoder(resolutions, order, Scoring(lm_weight=WEIGHT, acoustic_scale=1 / len(tasks)))
    posteriors = [task.posteriors() for task in tasks]
    return lambda finest: decoder([each[: len(finest)] for each in posteriors])[-1]


@dataclass(frozen=True)
class Result:
    """Times in ascending order, score of the labels, and MB that a run adds and that the whole process takes."""

    milliseconds: list[float]
    score: float
    growth: float
    peak: float

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)


Maker = Callable[[Model], Search]


def measure(make: Maker, utterance: Utterance) -> Result | None:
    """Run a decoder in a process of its own; return None if it is not installed."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_measure, make, utterance).result()
        except ModuleNotFoundError as error:
            if error.name not in peers.PACKAGES:
                raise
            return None


def _measure(make: Maker, utterance: Utterance) -> Result:
    model, posteriors = utterance.model(), utterance.posteriors()
    search = make(model)
    search(posteriors[:50])
    gc.collect()
    before = _read_memory("VmRSS", reset=True)
    labels = search(posteriors)
    peak = _read_memory("VmHWM")
    milliseconds = []
    for _ in range(RUNS):
        begin = time.process_time()
        search(posteriors)
        milliseconds.append(1000 * (time.process_time() - begin))
    am = acoustic_score(labels, posteriors, model.transitions, model.scoring)
    score = total_score(am, language_model_score(labels, model.table, model.scoring), model.scoring)
    return Result(sorted(milliseconds), score, peak - before, peak)


def _read_memory(field: str, *, reset: bool = False) -> float:
    """Return resident memory in MB, present (VmRSS) or highest since the reset (VmHWM); NaN where Linux has none."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6


def print_table(title: str, header: str, rows: Iterable[Sequence[object]]) -> None:
    """Print each row as soon as it is measured."""
    names = header.split(", ")
    print(f"\n{title}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        cells = [_format_number(cell) if isinstance(cell, float) else str(cell) for cell in row]
        print(f"| {' | '.join(cells)} |", flush=True)


def _format_number(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def compare_with_exact(makers: dict[str, Maker], utterance: Utterance) -> Iterable[Sequence[object]]:
    exact = None
    for name, make in makers.items():
        result = measure(make, utterance)
        exact = exact or result
        if result is None or exact is None:
            yield name, "not installed", "", "", "", ""
        else:
            ratio, gap = result.median / exact.median, exact.score - result.score
            yield name, f"{result.median:.2f}", f"{result.milliseconds[0]:.2f}", ratio, f"{gap:.2f}", result.growth


def measure_growth(field: str, values: Sequence[int]) -> Iterable[Sequence[object]]:
    for value in values:
        utterance = Utterance(**{field: value})
        result = measure(make_decoder, utterance)
        assert result
        states = utterance.model().graph.num_states
        yield value, states, result.median, 1e6 * result.median / utterance.frames, result.growth, result.peak


def measure_others(makers: dict[str, tuple[Maker, Utterance]]) -> Iterable[Sequence[object]]:
    for name, (make, utterance) in makers.items():
        result = measure(make, utterance)
        assert result
        yield name, result.median, result.milliseconds[0], result.growth


def measure_streams(lags: Sequence[int]) -> Iterable[Sequence[object]]:
    exact = measure(make_decoder, Utterance())
    assert exact
    for lag in lags:
        result = measure(partial(make_stream, lag=lag), Utterance())
        assert result
        seconds = result.median / 1000 / FRAMES
        gap, factor = exact.score - result.score, seconds / FRAME_SECONDS
        yield lag, lag * FRAME_SECONDS, 1e6 * seconds, f"{factor:.5f}", f"{gap:.2f}", result.growth


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out what takes longer than a few seconds")
    quick = parser.parse_args().quick

    header = "decoder, median ms, fastest ms, times exact, score gap, MB added"
    makers: dict[str, Maker] = {"emoseq exact": make_decoder}
    makers |= {f"emoseq beam {beam}": partial(make_decoder, search="beam", beam=beam) for beam in (10, 50, 100)}
    makers |= {f"pure Python beam {n}": partial(peers.make_python_beam, beam=n) for n in ([10] if quick else [10, 50])}
    makers |= {
        "hmmlearn, dense": peers.make_hmmlearn,
        "kaldi-decoder, not pruned": partial(peers.make_kaldi, beam=1e9),
        "kaldi-decoder, score beam 15, min_active 20": partial(peers.make_kaldi, beam=15),
        "kaldi-decoder, score beam 15, min_active 0": partial(peers.make_kaldi, beam=15, min_active=0),
        "kaldi-decoder, score beam 20, min_active 0": partial(peers.make_kaldi, beam=20, min_active=0),
    }
    title = f"{FRAMES} frames, {CLASSES} classes"
    print_table(f"{title}, trigram, weight 6", header, compare_with_exact(makers, Utterance()))
    makers = {
        "emoseq exact": make_decoder,
        "hmmlearn": peers.make_hmmlearn,
        "librosa.sequence.viterbi": peers.make_librosa,
    }
    plain = Utterance(order=2, weight=0.0)
    print_table(f"{title}, no language model", header, compare_with_exact(makers, plain))

    header = "{}, states, median ms, ns per frame, MB added, MB in all"
    lengths, sizes, orders = (1000, 10_000, 100_000, 1_000_000), (4, 10, 20, 40, 64), (1, 2, 3, 4, 5)
    for field, values, slow in (("frames", lengths, 2), ("classes", sizes, 2), ("order", orders, 1)):
        measured = values[:-slow] if quick else values
        print_table(f"Exact search by {field}", header.format(field), measure_growth(field, measured))

    cases: dict[str, tuple[Maker, Utterance]] = {
        "class posteriors": (make_posterior_decoder, Utterance()),
        "10 best": (make_n_best, Utterance()),
        "durations": (make_duration_decoder, Utterance()),
        f"joint, {len(RESOLUTIONS)} resolutions, bigrams": (make_joint_decoder, Utterance(order=2)),
        f"joint, {len(RESOLUTIONS)} resolutions, trigrams": (make_joint_decoder, Utterance()),
    }
    header = "decoder, median ms, fastest ms, MB added"
    print_table(f"Other decoders, {title}", header, measure_others(cases))
    header = "lag in frames, added delay s, us per frame, real-time factor, score gap, MB added"
    print_table("Streaming, one frame at a time", header, measure_streams([25, 100]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
