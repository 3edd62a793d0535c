"""The sweep over decoder settings on the dev set: trials, their CSV file, and the choice of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from numpy.typing import NDArray

from emoseq import DataError
from emoseq.decode.options import DecoderOptions
from emoseq.metrics import ccc_and_rmse
from emoseq.recipe.trial import Trial, choose_best

if TYPE_CHECKING:
    from emoseq.decode.multi_task import Posteriors
    from emoseq.decode.resolution import Resolution


def format_sweep(trials: Sequence[Trial[DecoderOptions]]) -> str:
    """Return the text of sweep.csv, one row a trial."""
    rows = [
        f"{o.order},{o.lm_weight:g},{o.acoustic_scale:g},{trial.score:.6f},{trial.rmse:.6f}\n"
        for trial in trials
        for o in [trial.setting]
    ]
    return "order,weight,acoustic_scale,ccc,rmse\n" + "".join(rows)


def parse_sweep(text: str, name: str, decoder: str) -> list[Trial[DecoderOptions]]:
    """Parse trials from the text of `format_sweep`, all of one decoder.

    Args:
        text: content of the file
        name: file name, with which messages begin
        decoder: name of the decoder, which is in best.conf and not in sweep.csv

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
    resolutions: Mapping[str, Resolution],
    gold: Mapping[str, NDArray],
    settings: Sequence[DecoderOptions],
) -> list[Trial[DecoderOptions]]:
    """Score every setting on the dev set.

    Raises:
        ValueError: as `decode_models` and `emoseq.decode.multi_task.make_decoder`
    """
    from emoseq.decode.multi_task import decode_models, make_decoder  # numba takes a second to import

    trials = []
    for options in settings:
        _, series = decode_models(models, make_decoder(resolutions, options))
        trials.append(Trial(options, *ccc_and_rmse(series, gold)))
    return trials


def tune(
    models: Mapping[str, Sequence[Posteriors]],
    resolutions: Mapping[str, Resolution],
    gold: Mapping[str, Mapping[str, NDArray]],
    settings: Sequence[DecoderOptions],
) -> tuple[DecoderOptions, dict[str, tuple[float, float]]]:
    """Return the setting that gives the highest dev CCC, and its CCC and RMSE on each set.

    Args:
        models: posteriors of each model by set; the set "dev" is needed
        resolutions: parameters of each task
        gold: gold standard by set and utterance
        settings: candidates

    Raises:
        ValueError: as `sweep`
    """
    from emoseq.decode.multi_task import decode_models, make_decoder

    best = choose_best(sweep(models["dev"], resolutions, gold["dev"], settings)).setting
    decode = make_decoder(resolutions, best)
    return best, {name: ccc_and_rmse(decode_models(models[name], decode)[1], gold[name]) for name in gold}
