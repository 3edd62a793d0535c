"""The sweep over decoder settings on the dev set, and the choice of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from numpy.typing import NDArray

from emoseq.decode.options import DecoderOptions
from emoseq.metrics import ccc_and_rmse
from emoseq.recipe.trial import Trial, choose_best

if TYPE_CHECKING:
    from emoseq.decode.multi_task import Posteriors
    from emoseq.decode.resolution import Resolution


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
