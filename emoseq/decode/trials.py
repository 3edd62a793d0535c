"""Table of the dev sweep (sweep.csv): one row for each setting that was tried."""

from __future__ import annotations

from collections.abc import Sequence

from emoseq import DataError
from emoseq.decode.options import DecoderOptions
from emoseq.recipe.trial import Trial


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
