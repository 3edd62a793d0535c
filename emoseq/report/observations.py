"""Observations of the paper, measured on a run: one table each, from the files that the stages wrote.

`emoseq.report.measures` has the measures. If a run lacks what a table needs (no classifier, no labels of a set, one
seed), those rows are left out; a table may be empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoseq import SETS, MissingInputError
from emoseq.decode.files import read_posteriors, read_resolutions
from emoseq.decode.options import DecoderOptions
from emoseq.io.archive import Scp, read_text
from emoseq.io.datadir import read_frame_shift
from emoseq.labels.kmeans import average, pool_ratings, read_centers, reconstruct
from emoseq.metrics import ccc_and_rmse, pair_series
from emoseq.model.experiment import TrainJob, format_number, group_by_setting
from emoseq.model.schedule import TrainOptions
from emoseq.recipe.corpus import list_sets, read_dimensions
from emoseq.recipe.options import read_options
from emoseq.report.measures import (
    compare_stages,
    compute_correlation,
    compute_deviation,
    compute_mean_step,
    compute_spread_ratio,
    count_transitions_per_minute,
    measure_clipping,
    score_reconstruction,
)
from emoseq.report.systems import read_all_jobs
from emoseq.report.tables import format_markdown

TABLES = ("reconstruction", "clipping", "moderation", "stages", "stability", "transitions", "gains")


@dataclass(frozen=True)
class Finding:
    """One observation: the name of its file, a sentence on what it measures, and its table."""

    name: str
    sentence: str
    table: pd.DataFrame


def read_trained_jobs(exp: Path) -> list[TrainJob]:
    """Return the trained models of a run, those at the chosen setting last.

    Raises:
        DataError: if there is none
    """
    jobs = [job for job in read_all_jobs(exp) if (job.folder / "epochs.csv").exists()]
    if not jobs:
        raise MissingInputError(f"{exp}: no model has been trained; run stage 4 first")
    return jobs


def read_gold(data: Path, exp: Path) -> Iterator[tuple[str, str, Mapping[str, NDArray], Mapping[str, NDArray]]]:
    """Yield dimension, set, gold standard by utterance and cluster means by resolution."""
    for dimension in read_dimensions(data):
        for name in SETS:
            path, centers = data / name / f"{dimension}.scp", exp / dimension / "labels" / "centers"
            if path.exists() and centers.exists():
                yield dimension, name, dict(Scp(path)), read_centers(centers)


def tabulate_reconstruction(data: Path, exp: Path) -> pd.DataFrame:
    """Tabulate CCC and RMSE of each set's gold standard rebuilt from cluster means (Table 1, Sec. 5)."""
    rows = []
    for dimension, name, gold, centers in read_gold(data, exp):
        for key, means in centers.items():
            ccc, rmse = score_reconstruction(pool_ratings(gold), means)
            rows.append({"dimension": dimension, "set": name, "task": key, "ccc": ccc, "rmse": rmse})
    return pd.DataFrame(rows)


def tabulate_clipping(data: Path, exp: Path) -> pd.DataFrame:
    """Tabulate how the outermost cluster means clip each set's gold standard (Sec. 4.1)."""
    return pd.DataFrame(
        [
            {"dimension": dimension, "set": name, "task": key} | asdict(measure_clipping(pool_ratings(gold), means))
            for dimension, name, gold, centers in read_gold(data, exp)
            for key, means in centers.items()
        ]
    )


def read_predicted(data: Path, exp: Path) -> Iterator[tuple[str, str, Path, dict[str, dict[str, NDArray]], Mapping]]:
    """Yield dimension, set, model, posteriors by task and utterance, and cluster means of each chosen classifier."""
    classified = {job.dimension for job in read_all_jobs(exp) if job.system == "cls"}
    for dimension in read_dimensions(data):
        selected = exp / dimension / "selected.cls"
        if dimension not in classified or not selected.exists():
            continue
        centers = read_centers(exp / dimension / "labels" / "centers")
        for name in list_sets(data)[1:]:
            for line in read_text(selected).splitlines():
                yield dimension, name, Path(line), read_posteriors(Path(line), name, centers), centers


def tabulate_moderation(data: Path, exp: Path) -> pd.DataFrame:
    """Tabulate the standard deviation of raw series over that of the gold standard, per task and averaged (Sec. 4.2).

    Each row is the mean over the chosen models.
    """
    rows = []
    for dimension, name, _, posteriors, centers in read_predicted(data, exp):
        path = data / name / f"{dimension}.scp"
        if not path.exists():
            continue
        gold = dict(Scp(path))
        series = {
            key: {utt: reconstruct(matrix.argmax(axis=1), centers[key]) for utt, matrix in posteriors[key].items()}
            for key in centers
        }
        series["averaged"] = {utt: average([series[key][utt] for key in centers]) for utt in gold}
        for key, values in series.items():
            ratio = compute_spread_ratio(*map(np.concatenate, pair_series(values, gold)))
            rows.append({"dimension": dimension, "set": name, "task": key, "ratio": ratio})
    return _average_models(rows, ["dimension", "set", "task"])


def tabulate_transitions(data: Path, exp: Path) -> pd.DataFrame:
    """Tabulate changes of class per minute in gold, raw and decoded labels of the same recordings (Sec. 4.3)."""
    rows, frame_shift = [], read_frame_shift(data / "train")
    for dimension, name, model, posteriors, centers in read_predicted(data, exp):
        folder = exp / dimension
        for key in centers:
            labels: dict[str, Mapping[str, NDArray]] = {}
            if (gold := folder / "labels" / f"{name}.{key}.scp").exists():
                labels["gold"] = Scp(gold)
            labels["raw"] = {utt: matrix.argmax(axis=1) for utt, matrix in posteriors[key].items()}
            if (decoded := folder / f"decode_{name}" / f"{model.name}.{key}.scp").exists():
                labels["decoded"] = Scp(decoded)
            utterances = [utt for utt in labels["raw"] if utt in labels.get("gold", labels["raw"])]
            counts = {
                kind: count_transitions_per_minute([sequences[utt] for utt in utterances], frame_shift)
                for kind, sequences in labels.items()
            }
            rows.append({"dimension": dimension, "set": name, "task": key} | counts)
    return _average_models(rows, ["dimension", "set", "task"])


def read_dev_curves(jobs: Sequence[TrainJob]) -> tuple[dict[str, dict[str, list[NDArray]]], int]:
    """Return the dev CCC of each model after each epoch, by dimension and system, and the epochs of the first stage."""
    curves: dict[str, dict[str, list[NDArray]]] = {}
    for job in jobs:
        models = curves.setdefault(job.dimension, {}).setdefault(job.system, [])
        models.append(pd.read_csv(job.folder / "epochs.csv").dev_ccc.to_numpy())
    return curves, read_options(TrainOptions, jobs[0].folder / "conf" / "train.conf").first_stage_epochs


def tabulate_trainings(jobs: Sequence[TrainJob]) -> pd.DataFrame:
    """Tabulate best epoch and dev CCC with one stage and with two, one row per model (Sec. 4.2).

    `step` is the mean absolute change of the dev CCC from epoch to epoch in the first stage, where the learning rate
    is constant.
    """
    rows = []
    for job in jobs:
        first = read_options(TrainOptions, job.folder / "conf" / "train.conf").first_stage_epochs
        dev_ccc = pd.read_csv(job.folder / "epochs.csv").dev_ccc.to_numpy()
        rows.append(
            {
                "dimension": job.dimension,
                "system": job.system,
                "layers": job.layers,
                "l2": format_number(job.l2),
                "seed": job.seed,
                **asdict(compare_stages(dev_ccc, first)),
                "step": compute_mean_step(dev_ccc[:first]),
            }
        )
    return pd.DataFrame(rows)


def summarise_stages(trained: pd.DataFrame) -> pd.DataFrame:
    """Average over all models of a system: best epoch, and dev CCC with one stage and with two."""
    rows = trained.assign(gain=trained.two_stages - trained.one_stage, in_second_stage=trained.in_second_stage * 1.0)
    columns = ["best_epoch", "one_stage", "two_stages", "gain", "in_second_stage"]
    grouped = rows.groupby(["dimension", "system"], sort=False)
    return grouped[columns].mean().assign(models=grouped.size()).reset_index()


def tabulate_stability(trained: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the deviation of the best dev CCC over seeds at one setting, and its change from epoch to epoch.

    The paper finds that the cost of Eq. 7 (cls) trains more stably than plain cross entropy (cls-ce).
    """
    grouped = trained.groupby(["dimension", "system", "layers", "l2"], sort=False)
    return pd.DataFrame(
        [
            dict(zip(("dimension", "system", "layers", "l2"), key, strict=True))
            | {"seeds": len(rows), "best": rows.two_stages.mean(), "over_seeds": compute_deviation(rows.two_stages)}
            | {"over_epochs": rows.step.mean()}
            for key, rows in grouped
        ]
    )


def compute_gains(data: Path, exp: Path, jobs: Sequence[TrainJob]) -> pd.DataFrame:
    """Score every classifier on its own, raw and decoded with the setting chosen on dev for its dimension (Sec. 5)."""
    from emoseq.decode.multi_task import decode_models, make_decoder  # half a second for numba

    rows = []
    for (dimension, system), settings in group_by_setting(jobs).items():
        best = exp / dimension / "decode_dev" / "best.conf"
        if system != "cls" or not best.exists():
            continue
        options = read_options(DecoderOptions, best)
        resolutions = read_resolutions(exp / dimension, [options.order])
        decode = make_decoder(resolutions, options)
        for job in (job for seeds in settings.values() for job in seeds):
            for name in list_sets(data)[1:]:
                gold = data / name / f"{dimension}.scp"
                raw = job.folder / f"predict_{name}.scp"
                if not (gold.exists() and raw.exists()):
                    continue
                _, series = decode_models([read_posteriors(job.folder, name, resolutions)], decode)
                before, after = (ccc_and_rmse(values, Scp(gold))[0] for values in (Scp(raw), series))
                row = {"dimension": dimension, "set": name, "model": job.folder.name, "raw": before, "decoded": after}
                rows.append(row | {"gain": after - before})
    return pd.DataFrame(rows)


def summarise_gains(gained: pd.DataFrame) -> pd.DataFrame:
    """Summarise the gain over all models of a dimension and set, and its correlation with their raw CCC."""
    return pd.DataFrame(
        [
            {"dimension": dimension, "set": name, "models": len(rows), "raw": rows.raw.mean(), "gain": rows.gain.mean()}
            | {"least": rows.gain.min(), "most": rows.gain.max()}
            | {"correlation": compute_correlation(rows.raw, rows.gain)}
            for (dimension, name), rows in gained.groupby(["dimension", "set"], sort=False)
        ]
    )


def observe(data: Path, exp: Path, jobs: Sequence[TrainJob], gained: pd.DataFrame) -> list[Finding]:
    """Measure all observations, in the order of the report; `gained` is the table of `compute_gains`."""
    trained = tabulate_trainings(jobs)
    return [
        Finding(
            "reconstruction",
            "The gold standard of each set rebuilt from the cluster means: the ceiling of a classifier. The means are "
            "fitted to train and dev, so test shows how well they suit new labels.",
            tabulate_reconstruction(data, exp),
        ),
        Finding(
            "clipping",
            "Frames whose rating lies below the lowest or above the highest cluster mean, and by how much: what no "
            "sequence of classes can express.",
            tabulate_clipping(data, exp),
        ),
        Finding(
            "moderation",
            "Standard deviation of the raw series over that of the gold standard, each task by itself and averaged "
            "over tasks; mean over the chosen models. Below 1, values are more moderate than the raters'.",
            tabulate_moderation(data, exp),
        ),
        Finding(
            "stages",
            "Dev CCC of the best epoch, had training ended after the first stage and after both; means over models. "
            "`in_second_stage` is the share of models whose best epoch is there.",
            summarise_stages(trained),
        ),
        Finding(
            "stability",
            "Best dev CCC: mean and standard deviation over seeds; mean absolute change from epoch to epoch in the "
            "first stage. `cls` has the cost of Eq. 7, `cls-ce` has not.",
            tabulate_stability(trained),
        ),
        Finding(
            "transitions",
            "Changes of class a minute; raw and decoded are means over the chosen models.",
            tabulate_transitions(data, exp),
        ),
        Finding(
            "gains",
            "Decoded less raw CCC of every classifier by itself. The correlation is that of the gain with the raw CCC; "
            "the raw CCC is part of both, so noise alone makes it negative.",
            summarise_gains(gained) if len(gained) else gained,
        ),
    ]


def format_observations(findings: Sequence[Finding]) -> str:
    """Format observations.md: each sentence above its table with three decimals; an empty table is not measurable."""
    parts = ["# What the paper observes, measured on this run\n"]
    for finding in findings:
        table = format_markdown(finding.table) if len(finding.table) else "Not measurable in this run.\n"
        parts.append(f"## {finding.name.capitalize()}\n\n{finding.sentence}\n\n{table}")
    return "\n".join(parts)


def list_inputs(data: Path, exp: Path, jobs: Sequence[TrainJob]) -> list[Path]:
    """List the files that the observations depend on, existing or not."""
    dimensions = read_dimensions(data)
    return [
        *(data / name / f"{dim}.scp" for dim in dimensions for name in SETS),
        *(
            exp / dim / name
            for dim in dimensions
            for name in ("labels/centers", "selected.cls", "decode_dev/best.conf")
        ),
        *(path for dim in dimensions for part in ("lm", "labels") for path in sorted((exp / dim / part).glob("K*"))),
        *(path for dim in dimensions for path in sorted((exp / dim / "labels").glob("*.K*.scp"))),
        *(path for dim in dimensions for path in sorted((exp / dim).glob("decode_*/*.scp"))),
        *(job.folder / name for job in jobs for name in ("epochs.csv", "conf/train.conf")),
        *(path for job in jobs for path in sorted(job.folder.glob("p*_*.scp"))),
    ]


def _average_models(rows: list[dict], by: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows).groupby(by, sort=False).mean().reset_index() if rows else pd.DataFrame()
