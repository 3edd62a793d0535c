"""What is tried on the dev set, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from numpy.typing import NDArray

from emoseq import DataError
from emoseq.decode.multi_task import Posteriors, Task, decode_models, make_decoder
from emoseq.decode.options import DecoderOptions
from emoseq.metrics import ccc_and_rmse
from emoseq.recipe.trial import Trial, choose_best


def format_sweep(trials: Sequence[Trial[DecoderOptions]]) -> str:
    """sweep.csv: one row a trial."""
    rows = [
        f"{o.order},{o.lm_weight:g},{o.acoustic_scale:g},{trial.score:.6f},{trial.rmse:.6f}\n"
        for trial in trials
        for o in [trial.setting]
    ]
    return "order,weight,acoustic_scale,ccc,rmse\n" + "".join(rows)


def parse_sweep(text: str, name: str, decoder: str) -> list[Trial[DecoderOptions]]:
    """Trials from `format_sweep`'s text, all of one decoder.

    Args:
        text: content of the file
        name: of the file, what messages begin with
        decoder: which `format_sweep` leaves to best.conf

    Raises:
        DataError: if a line is malformed or there is no trial
    """
    trials = []
    for number, line in enumerate(text.splitlines()[1:], 2):
        try:
            order, weight, scale, ccc, rmse = line.split(",")
            options = DecoderOptions(int(order), float(weight), float(scale), decoder)
            trials.append(Trial(options, float(ccc), float(rmse)))
        except ValueError:
            raise DataError(f"{name}:{number}: not `order,weight,acoustic_scale,ccc,rmse`; run stage 6 again") from None
    if not trials:
        raise DataError(f"{name}: holds no trial; run stage 6 again")
    return trials


def sweep(
    models: Sequence[Posteriors],
    tasks: Mapping[str, Task],
    gold: Mapping[str, NDArray],
    settings: Sequence[DecoderOptions],
) -> list[Trial[DecoderOptions]]:
    """Score every setting on the dev set.

    Raises:
        ValueError: as `decode_models` and `emoseq.decode.multi_task.make_decoder`
    """
    trials = []
    for options in settings:
        _, series = decode_models(models, make_decoder(tasks, options))
        trials.append(Trial(options, *ccc_and_rmse(series, gold)))
    return trials


def tune(
    models: Mapping[str, Sequence[Posteriors]],
    tasks: Mapping[str, Task],
    gold: Mapping[str, Mapping[str, NDArray]],
    settings: Sequence[DecoderOptions],
) -> tuple[DecoderOptions, dict[str, tuple[float, float]]]:
    """The setting of the highest dev CCC, and the CCC and RMSE that it has on each set.

    Args:
        models: posteriors of each model by set, one of which is "dev"
        tasks: what decodes them
        gold: gold standard by set and utterance
        settings: candidates

    Raises:
        ValueError: as `sweep`
    """
    best = choose_best(sweep(models["dev"], tasks, gold["dev"], settings)).setting
    decode = make_decoder(tasks, best)
    return best, {name: ccc_and_rmse(decode_models(models[name], decode)[1], gold[name]) for name in gold}
