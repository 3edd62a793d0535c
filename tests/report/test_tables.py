"""Results of a run: the list of series, their scores, the tables."""

import numpy as np
import pytest

from emoseq import DataError
from emoseq.io.archive import write_scp
from emoseq.io.files import write_text
from emoseq.report.intervals import ScoreOptions
from emoseq.report.results import Reported, compare_all, find_constant, list_reported_series, score_all
from emoseq.report.systems import list_experiments, list_reported_systems
from emoseq.report.tables import format_tables, read_published

OPTIONS = ScoreOptions(bootstrap_samples=50)


@pytest.fixture
def exp(tmp_path):
    """A run of a classifier and a regressor, with an experiment of labels fitted on train within it."""
    job = "arousal {} 3 0 1 {}\n"
    for folder, fit_on, systems in (("exp", "train+dev", ("cls", "reg-mse")), ("exp/fit_on_train", "train", ("cls",))):
        (tmp_path / folder).mkdir()
        write_text(tmp_path / folder / "train.jobs", "".join(job.format(system, "m") for system in systems))
        for dim in ("arousal", "valence"):
            (tmp_path / folder / dim / "labels").mkdir(parents=True)
            write_text(tmp_path / folder / dim / "labels" / "fit_on", f"{fit_on}\n")
    return tmp_path / "exp"


def test_systems_are_those_trained_in_the_order_of_the_paper(exp):
    names = ["REG-MSE", "REG-MSE-Gaussian", "REG-MSE-Median", "CLS-Raw", "CLS-Raw-Gaussian", "CLS-Raw-Median"]
    assert list_reported_systems(exp) == [*names, "CLS-HMM", "CLS-Decoded"]


def test_a_system_trained_at_the_chosen_setting_is_reported(exp):
    write_text(exp / "chosen.jobs", "arousal cls-ce 3 0 1 m\n")
    assert list_reported_systems(exp)[3] == "CLS-CE-Raw"


def test_baselines_come_first_as_in_the_paper(exp):
    write_text(exp / "baselines.jobs", "arousal brady m\narousal valstar m\n")
    smoothed = ["Valstar-2016", "Valstar-2016-Gaussian", "Valstar-2016-Median", "Brady-2016"]
    assert list_reported_systems(exp)[:4] == smoothed


def test_an_experiment_within_is_reported_last_with_the_sets_it_was_fitted_on(exp):
    assert list_experiments(exp) == [exp, exp / "fit_on_train"]
    series = list_reported_series([exp], ["arousal", "valence"], ["dev"])
    assert [entry.fit_on for entry in series] == ["train+dev"] * 16 + ["train"] * 10
    assert series[-1] == Reported(
        "CLS-Decoded", "valence", "dev", "train", (exp / "fit_on_train/valence/predict_dev/CLS-Decoded.scp",)
    )


@pytest.fixture
def scored(tmp_path):
    """Series of one system fitted on both and on train, and of CLS-Decoded, with their gold standard."""
    gold = {"a": np.array([0.0, 1.0, 2.0, 1.0]), "b": np.array([1.0, 0.0, 1.0, 3.0])}
    write_scp(tmp_path / "gold", gold)
    found = []
    for i, (system, fit_on) in enumerate([("CLS-Raw", "both"), ("CLS-Decoded", "both"), ("CLS-Raw", "train")]):
        write_scp(tmp_path / f"series{i}", {utt: 0.5 * values + 0.1 * i for utt, values in gold.items()})
        found.append(Reported(system, "arousal", "dev", fit_on, (tmp_path / f"series{i}.scp",)))
    return found, {("arousal", "dev"): (tmp_path / "gold.scp",)}


def ccc(x, y):
    return 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def test_scores_and_differences_by_hand(scored):
    gold = np.array([0.0, 1.0, 2.0, 1.0, 1.0, 0.0, 1.0, 3.0])
    cccs = [ccc(0.5 * gold + 0.1 * i, gold) for i in range(3)]
    assert score_all(*scored, OPTIONS).ccc.to_list() == pytest.approx(cccs)
    table = compare_all(*scored, OPTIONS)
    assert table[["minuend", "system", "fit_on"]].values.tolist() == [
        ["CLS-Decoded", "CLS-Raw", "both"],
        ["CLS-Raw", "CLS-Raw", "train"],
    ]
    assert table.ccc.to_list() == pytest.approx([cccs[1] - cccs[0], cccs[0] - cccs[2]])


def test_a_series_of_another_length_is_named(scored, tmp_path):
    series, gold = scored
    write_scp(tmp_path / "series1", {"a": np.zeros(4), "b": np.zeros(9)})
    with pytest.raises(DataError, match=r"series1\.scp: b: .*9"):
        score_all(series, gold, OPTIONS)


def test_published_scores_stand_apart_from_our_own(scored, tmp_path):
    path = tmp_path / "published.csv"
    path.write_text("# who says so\nsystem,dimension,set,ccc\nSomebody (2016),arousal,dev,.796\n")
    tables = format_tables(score_all(*scored, OPTIONS), compare_all(*scored, OPTIONS), read_published(path))
    assert "| *Somebody (2016)*" in tables
    assert "| *0.796*" in tables
    assert "as published on RECOLA, not computed here" in tables
    assert "| CLS-Raw, fitted on train |" in tables


def test_tables_without_published_scores_do_not_mention_them(scored):
    tables = format_tables(score_all(*scored, OPTIONS), compare_all(*scored, OPTIONS), None)
    assert "published" not in tables
    assert tables.count("| System") == 3


def test_a_malformed_file_of_published_scores_is_named(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text("system,ccc\nx,1\n")
    with pytest.raises(DataError, match=r"published\.csv: not a table"):
        read_published(path)


def test_a_series_that_is_constant_where_it_is_scored_is_found(tmp_path):
    gold = {"a": np.array([0.1, np.nan, 0.3], np.float32), "b": np.array([0.2, 0.4], np.float32)}
    stuck = {"a": np.array([0.5, 0.9, 0.5], np.float32), "b": np.full(2, 0.5, np.float32)}
    moving = stuck | {"b": np.array([0.5, 0.6], np.float32)}
    for name, series in (("gold", gold), ("stuck", stuck), ("moving", moving)):
        write_scp(tmp_path / name, series)
    entries = [Reported(name, "arousal", "dev", "train", (tmp_path / f"{name}.scp",)) for name in ("moving", "stuck")]
    assert find_constant(entries, {("arousal", "dev"): (tmp_path / "gold.scp",)}) == [tmp_path / "stuck.scp"]
