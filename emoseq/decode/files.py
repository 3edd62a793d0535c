"""Input files of decoding: transitions, language models, hazards, posteriors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.decode.graph import StateGraph, build_graph
from emoseq.decode.resolution import Resolution
from emoseq.decode.score import Scoring
from emoseq.io.archive import Scp
from emoseq.labels.kmeans import read_centers
from emoseq.lm.regions import read_hazards, read_priors, read_transitions
from emoseq.lm.table import LazyTable, tabulate
from emoseq.recipe.options import Parser, make_options, parse_boolean


def decoding_files(folder: Path, orders: Iterable[int]) -> list[Path]:
    """Return the files of a dimension's folder that decoding reads."""
    centers = folder / "labels" / "centers"
    kinds = ["trans", "hazards", *(f"{order}gram.arpa" for order in orders)]
    return [centers, *(folder / "lm" / f"{key}.{kind}" for key in read_centers(centers) for kind in kinds)]


def add_model_arguments(parser: Parser) -> None:
    """Add the arguments of every decoder of one resolution: weights, prior, transitions, language model, posteriors."""
    parser.add_options(Scoring)
    parser.add_argument("--initial-prior", type=Path, metavar="FILE", help="P(first class), such as K10.priors")
    parser.add_argument(
        "--renormalize-lm",
        type=parse_boolean,
        default=False,
        metavar="X",
        help="give the mass of <unk> and of repeated regions to what can follow, true or false (default false)",
    )
    parser.add_argument("trans_file", type=Path, help="transition matrix in Kaldi's text form, such as K10.trans")
    parser.add_argument("arpa_file", type=Path, help="language model over r0, r1, ... in ARPA format")
    parser.add_argument("posteriors_rspec", metavar="POSTERIORS_RSPEC", help="posteriors, frames x classes")


def read_model(args: Any) -> tuple[NDArray[np.float64], LazyTable, Scoring, NDArray[np.float64] | None]:
    """Read transitions, language model, scoring and initial prior from the arguments of `add_model_arguments`.

    Raises:
        DataError: if an option is out of range, a file is missing or malformed, or the files disagree
    """
    scoring = make_options(Scoring, args)
    transitions = read_transitions(args.trans_file)
    initial = read_priors(args.initial_prior, len(transitions)) if args.initial_prior else None
    return transitions, LazyTable(args.arpa_file, len(transitions), renormalize=args.renormalize_lm), scoring, initial


def read_graph(args: Any) -> tuple[StateGraph, Scoring]:
    """Read the states and moves from the arguments of `add_model_arguments`.

    Raises:
        DataError: as `read_model`, or if the states are too many
    """
    transitions, lm, scoring, initial = read_model(args)
    try:
        return build_graph(transitions, lm.full(), scoring, initial=initial), scoring
    except ValueError as error:
        raise DataError(f"{args.arpa_file}: {error}") from None


def read_resolutions(folder: Path, orders: Iterable[int]) -> dict[str, Resolution]:
    """Read the resolutions of a dimension's folder, by key (K4), from its labels/ and lm/.

    Raises:
        DataError: if a file is missing or malformed
    """
    lm = folder / "lm"
    return {
        key: Resolution(
            centers,
            read_transitions(lm / f"{key}.trans"),
            {order: tabulate(lm / f"{key}.{order}gram.arpa", len(centers)) for order in orders},
            read_hazards(lm / f"{key}.hazards", len(centers)),
        )
        for key, centers in read_centers(folder / "labels" / "centers").items()
    }


def read_posteriors(model: Path, name: str, tasks: Iterable[str]) -> dict[str, dict[str, NDArray]]:
    """Read the posteriors of one set from a model's folder, by task and utterance.

    Raises:
        DataError: if a file is missing or malformed
    """
    return {key: dict(Scp(model / f"posteriors_{name}.{key}.scp")) for key in tasks}
