"""Decoding several models and tasks, the sweep, and the grid of models."""

import kaldiio
import numpy as np
import pytest

from emoseq import DataError
from emoseq.decode.files import read_posteriors, read_resolutions
from emoseq.decode.forward_backward import compute_expectation
from emoseq.decode.multi_task import decode_models, make_decoder
from emoseq.decode.options import DECODERS, DecoderOptions, SweepOptions
from emoseq.decode.resolution import Resolution
from emoseq.decode.sweep import sweep, tune
from emoseq.decode.trials import format_sweep
from emoseq.labels.kmeans import average_models
from emoseq.lm.arpa import format_arpa
from emoseq.lm.witten_bell import witten_bell
from emoseq.model.experiment import (
    ExperimentOptions,
    TrainJob,
    format_number,
    group_by_setting,
    plan_chosen_jobs,
    plan_jobs,
)
from emoseq.recipe.job_list import parse_jobs, pick_jobs, write_jobs
from emoseq.recipe.trial import Trial, choose_best
from emoseq.report.systems import read_all_jobs

# Per frame the best classes are, by model and task:
#   model 1: K2 0 1 1 and K3 2 0 1; model 2: K2 1 1 0 and K3 2 2 0
MODELS = [
    {
        "K2": {"u": np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]])},
        "K3": {"u": np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.2, 0.6, 0.2]])},
    },
    {
        "K2": {"u": np.array([[0.2, 0.8], [0.1, 0.9], [0.6, 0.4]])},
        "K3": {"u": np.array([[0.3, 0.2, 0.5], [0.1, 0.2, 0.7], [0.8, 0.1, 0.1]])},
    },
]


def uniform_resolution(centers, orders=(2, 3)):
    """Only the posteriors matter where all transitions and n-grams are equally probable."""
    size = len(centers)
    tables = {n: np.full((size + 1,) * n, -np.log(size + 1)) for n in orders}
    return Resolution(np.array(centers), np.full((size, size), 1 / size), tables, np.full((size, 5), 1 - 1 / size))


@pytest.fixture
def resolutions():
    return {"K2": uniform_resolution([-1.0, 1.0]), "K3": uniform_resolution([-2.0, 0.0, 2.0])}


def test_without_language_model_and_with_uniform_transitions_the_best_class_wins(resolutions):
    labels, _ = decode_models(MODELS, make_decoder(resolutions, DecoderOptions(2, 0.0)))
    assert [[found[key]["u"].tolist() for key in ("K2", "K3")] for found in labels] == [
        [[0, 1, 1], [2, 0, 1]],
        [[1, 1, 0], [2, 2, 0]],
    ]


def test_series_is_averaged_over_tasks_and_models(resolutions):
    """Model 1: (-1 1 1 + 2 -2 0) / 2 = .5 -.5 .5; model 2: (1 1 -1 + 2 2 -2) / 2 = 1.5 1.5 -1.5."""
    _, series = decode_models(MODELS, make_decoder(resolutions, DecoderOptions(2, 0.0)))
    assert series["u"].tolist() == [1.0, 0.5, -0.5]


def test_a_heavy_language_model_joins_regions(resolutions):
    """Each region costs log 3 or log 4, so that in the end there is one."""
    labels, _ = decode_models(MODELS, make_decoder(resolutions, DecoderOptions(2, 50.0)))
    assert all(len(set(path["u"].tolist())) == 1 for found in labels for path in found.values())


def test_models_are_averaged_utterance_by_utterance():
    series = average_models(
        [
            {"a": np.array([0.0, 1.0]), "b": np.array([4.0])},
            {"a": np.array([1.0, 3.0]), "b": np.array([2.0])},
        ]
    )
    assert {utterance: values.tolist() for utterance, values in series.items()} == {"a": [0.5, 2.0], "b": [3.0]}


def test_posteriors_that_cannot_be_decoded_are_named_with_task_and_utterance(resolutions):
    broken = [{**MODELS[0], "K3": {"u": np.full((3, 3), np.nan)}}]
    with pytest.raises(ValueError, match="u: K3: posteriors must be"):
        decode_models(broken, make_decoder(resolutions, DecoderOptions(2, 0.0)))


GOLD = {"u": np.array([1.5, 0.25, -1.0])}


def settings_of(*weights, orders=(2,), **options):
    return SweepOptions(lm_weights=weights, **options).settings(orders)


def test_settings_are_every_weight_of_every_scale_of_every_order():
    settings = settings_of(0.0, 2.0, orders=(2, 3), acoustic_scales=(0.5, 1.0))
    assert [(o.order, o.acoustic_scale, o.lm_weight) for o in settings] == [
        (2, 0.5, 0.0), (2, 0.5, 2.0), (2, 1.0, 0.0), (2, 1.0, 2.0),
        (3, 0.5, 0.0), (3, 0.5, 2.0), (3, 1.0, 0.0), (3, 1.0, 2.0),
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", [{"decoder": "oracle"}, {"lm_weights": (-1.0,)}, {"acoustic_scales": (0.0,)}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=r"choose from|--lm-weights=-1|--acoustic-scale 0"):
        SweepOptions(**({"lm_weights": (0.0,)} | wrong))


def test_sweep_scores_the_averaged_series(resolutions):
    """At weight 0 that is 1, .5, -.5, as above."""
    x, y = np.array([1.0, 0.5, -0.5]), GOLD["u"]
    ccc = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    trial = sweep(MODELS, resolutions, GOLD, settings_of(0.0))[0]
    assert trial.score == pytest.approx(ccc)
    assert trial.rmse == pytest.approx(np.sqrt(np.mean((x - y) ** 2)))


def trial(order, weight, ccc, rmse=0.1):
    return Trial(DecoderOptions(order, weight), ccc, rmse)


def test_best_trial_has_the_highest_ccc():
    trials = [trial(2, 0.0, 0.4), trial(2, 2.0, 0.6, rmse=0.3), trial(3, 0.0, 0.5, rmse=0.05)]
    assert choose_best(trials) == trials[1]


def test_best_trial_is_the_first_of_equals():
    trials = [trial(2, 0.0, 0.4), trial(2, 2.0, 0.6, rmse=0.2), trial(2, 4.0, 0.6), trial(3, 0.0, 0.6)]
    assert choose_best(trials) == trials[1]


def test_sweep_as_csv():
    trials = [trial(2, 0.0, 0.4), Trial(DecoderOptions(3, 2.5, 0.25), 2 / 3, 0.25)]
    assert (
        format_sweep(trials)
        == "order,weight,acoustic_scale,ccc,rmse\n2,0,1,0.400000,0.100000\n3,2.5,0.25,0.666667,0.250000\n"
    )


def test_what_dev_chooses_is_scored_on_every_set(resolutions):
    """On dev the heavy language model, which joins all regions, is right; the test set shows what it costs."""
    flat = {"u": np.array([0.0, 0.5, 0.75])}
    sets = {"dev": MODELS, "test": MODELS}
    best, found = tune(sets, resolutions, {"dev": flat, "test": GOLD}, settings_of(0.0, 50.0))
    trials = sweep(MODELS, resolutions, flat, settings_of(0.0, 50.0))
    assert best == choose_best(trials).setting
    again = next(t for t in sweep(MODELS, resolutions, GOLD, [best]))
    assert found["test"] == (again.score, again.rmse)
    assert found["dev"] == (choose_best(trials).score, choose_best(trials).rmse)


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_gives_a_series_and_labels_of_each_task(resolutions, name):
    labels, series = make_decoder(resolutions, DecoderOptions(2, 1.0, 1.0, name))(
        {key: MODELS[0][key]["u"] for key in resolutions}
    )
    assert series.shape == (3,)
    assert {key: path.shape for key, path in labels.items()} == {"K2": (3,), "K3": (3,)}


def test_joint_labels_share_a_value(resolutions):
    """Of K2 (-1, 1) and K3 (-2, 0, 2) the cells are 0 0, 0 1, 1 1, 1 2."""
    labels, _ = make_decoder(resolutions, DecoderOptions(2, 0.0, 1.0, "joint"))(
        {key: MODELS[1][key]["u"] for key in resolutions}
    )
    assert set(zip(*(path.tolist() for path in labels.values()), strict=True)) <= {(0, 0), (0, 1), (1, 1), (1, 2)}


def test_without_structure_the_posterior_mean_is_that_of_the_posteriors(resolutions):
    _, series = make_decoder(resolutions, DecoderOptions(2, 0.0, 1.0, "posterior-mean"))(
        {key: MODELS[0][key]["u"] for key in resolutions}
    )
    means = [compute_expectation(MODELS[0][key]["u"], resolutions[key].centers)[0] for key in resolutions]
    np.testing.assert_allclose(series, np.mean(means, axis=0), atol=1e-6)


def test_with_geometric_durations_the_semi_markov_decoder_is_the_hidden_markov_model(resolutions):
    results = [
        make_decoder(resolutions, DecoderOptions(3, 0.5, 1.0, name))({key: MODELS[1][key]["u"] for key in resolutions})[
            1
        ].tolist()
        for name in ("viterbi", "semi-markov")
    ]
    assert results[0] == results[1]


@pytest.fixture
def dimension(tmp_path):
    """labels/ and lm/ of one dimension with one resolution, and a model's posteriors."""
    for name in ("labels", "lm", "model"):
        (tmp_path / name).mkdir()
    (tmp_path / "labels" / "centers").write_text("K2 [ -0.5 0.25 ]\n")
    (tmp_path / "lm" / "K2.trans").write_text(" [\n  0.9 0.1\n  0.2 0.8 ]\n")
    (tmp_path / "lm" / "K2.hazards").write_text(" [\n  0.1\n  0.2 ]\n")
    for order in (2, 3):
        (tmp_path / "lm" / f"K2.{order}gram.arpa").write_text(format_arpa(witten_bell([[0, 1, 0], [1]], 2, order)))
    stem = str(tmp_path / "model" / "posteriors_dev.K2")
    kaldiio.save_ark(f"{stem}.ark", {"u": np.array([[0.75, 0.25]], dtype=np.float32)}, scp=f"{stem}.scp")
    return tmp_path


def test_resolutions_of_a_dimension_are_read_from_its_folders(dimension):
    resolution = read_resolutions(dimension, [2, 3])["K2"]
    assert resolution.centers.tolist() == [-0.5, 0.25]
    assert resolution.transitions.tolist() == [[0.9, 0.1], [0.2, 0.8]]
    assert resolution.hazards.tolist() == [[0.1], [0.2]]
    assert {order: table.shape for order, table in resolution.tables.items()} == {2: (3, 3), 3: (3, 3, 3)}


def test_a_language_model_of_a_dimension_that_is_not_there_is_named(dimension):
    with pytest.raises(DataError, match=r"K2\.4gram\.arpa does not exist"):
        read_resolutions(dimension, [4])


def test_posteriors_of_a_model_are_read_by_task_and_utterance(dimension):
    assert read_posteriors(dimension / "model", "dev", ["K2"])["K2"]["u"].tolist() == [[0.75, 0.25]]


DIMENSIONS = ("arousal", "valence")


def grid(**changes):
    return ExperimentOptions(
        **{"systems": ("cls",), "layers": (3, 4, 5), "l2": (0.0, 2e-5), "seeds": (1, 2, 3)} | changes
    )


def test_a_grid_has_one_model_for_each_combination_and_dimension(tmp_path):
    jobs = plan_jobs(grid(), DIMENSIONS, tmp_path)
    assert len({(j.dimension, j.layers, j.l2, j.seed) for j in jobs}) == len(jobs) == 2 * 3 * 2 * 3


def test_the_deepest_models_come_first(tmp_path):
    layers = [job.layers for job in plan_jobs(grid(layers=(3, 5, 4)), DIMENSIONS, tmp_path)]
    assert layers == [5] * 12 + [4] * 12 + [3] * 12


def test_every_system_has_a_model_before_a_second_seed_is_begun(tmp_path):
    jobs = plan_jobs(grid(systems=("cls", "reg-mse", "reg-ccc"), layers=(3, 5)), DIMENSIONS, tmp_path)
    assert {(job.dimension, job.system) for job in jobs[:6]} == {
        (dim, system) for dim in ("arousal", "valence") for system in ("cls", "reg-mse", "reg-ccc")
    }
    assert {(job.layers, job.l2, job.seed) for job in jobs[:6]} == {(5, 0.0, 1)}


def test_jobs_at_the_chosen_settings_by_hand(tmp_path):
    jobs = plan_chosen_jobs(["cls-ce"], {"arousal": (3, 0.0), "valence": (5, 2e-5)}, [1, 2], tmp_path)
    assert [str(job.folder.relative_to(tmp_path)) for job in jobs] == [
        "valence/cls-ce_l5_r2e-5_s1",
        "valence/cls-ce_l5_r2e-5_s2",
        "arousal/cls-ce_l3_r0_s1",
        "arousal/cls-ce_l3_r0_s2",
    ]
    assert {(job.dimension, job.layers, job.l2) for job in jobs} == {("valence", 5, 2e-5), ("arousal", 3, 0.0)}


@pytest.mark.parametrize(("l2", "name"), [(2e-5, "cls_l3_r2e-5_s1"), (0.0, "cls_l3_r0_s1"), (0.01, "cls_l3_r0.01_s1")])
def test_a_model_has_a_folder_named_after_its_settings(tmp_path, l2, name):
    jobs = plan_jobs(grid(layers=(3,), l2=(l2,), seeds=(1,)), DIMENSIONS, tmp_path)
    assert [job.folder for job in jobs] == [tmp_path / "arousal" / name, tmp_path / "valence" / name]


def test_jobs_come_back_from_their_lines(tmp_path):
    jobs = plan_jobs(grid(), DIMENSIONS, tmp_path / "a folder")
    assert parse_jobs("".join(job.line() for job in jobs), "train.jobs", TrainJob) == jobs


def test_a_line_keeps_every_digit_of_l2(tmp_path):
    jobs = plan_jobs(grid(l2=(0.000123456789,)), DIMENSIONS, tmp_path)
    assert parse_jobs("".join(job.line() for job in jobs), "train.jobs", TrainJob) == jobs


def test_no_two_models_share_a_folder(tmp_path):
    folders = [job.folder for job in plan_jobs(grid(), DIMENSIONS, tmp_path)]
    assert len(set(folders)) == len(folders)


def test_line_of_a_job_by_hand(tmp_path):
    job = TrainJob("valence", "cls", 4, 2e-5, 3, tmp_path / "m")
    assert job.line() == f"valence cls 4 2e-5 3 {tmp_path}/m\n"


@pytest.mark.parametrize("number", [1, 36])
def test_line_n_is_job_n(tmp_path, number):
    jobs = plan_jobs(grid(), DIMENSIONS, tmp_path)
    write_jobs(tmp_path / "train.jobs", jobs, dry_run=False)
    assert pick_jobs(tmp_path / "train.jobs", TrainJob, range(number, number + 1)) == [jobs[number - 1]]


@pytest.mark.parametrize("number", [0, 37, -1])
def test_a_line_that_is_not_there_is_an_error(tmp_path, number):
    write_jobs(tmp_path / "train.jobs", plan_jobs(grid(), DIMENSIONS, tmp_path), dry_run=False)
    with pytest.raises(DataError, match=f"train.jobs: there is no line {number}; lines in the list: 36"):
        pick_jobs(tmp_path / "train.jobs", TrainJob, range(number, number + 1))


@pytest.mark.parametrize("line", ["arousal cls 3 0 1", "arousal cls three 0 1 exp/x", ""])
def test_a_malformed_line_is_named(line):
    with pytest.raises(DataError, match=r"train\.jobs:2: "):
        parse_jobs(f"arousal cls 3 0 1 exp/m\n{line}\n", "train.jobs", TrainJob)


def test_a_file_without_jobs_is_an_error(tmp_path):
    (tmp_path / "train.jobs").touch()
    with pytest.raises(DataError, match="lists no model"):
        read_all_jobs(tmp_path)


def test_jobs_are_grouped_into_what_is_averaged_and_what_is_chosen_from(tmp_path):
    jobs = plan_jobs(grid(layers=(4, 3), seeds=(2, 1)), DIMENSIONS, tmp_path)
    grouped = group_by_setting(jobs)
    assert set(grouped) == {("arousal", "cls"), ("valence", "cls")}
    assert list(grouped["arousal", "cls"]) == [(3, 0.0), (3, 2e-5), (4, 0.0), (4, 2e-5)]
    assert [job.seed for job in grouped["valence", "cls"][4, 2e-5]] == [1, 2]


def test_every_job_is_in_one_group(tmp_path):
    jobs = plan_jobs(grid(), DIMENSIONS, tmp_path)
    grouped = [job for of in group_by_setting(jobs).values() for seeds in of.values() for job in seeds]
    assert sorted(grouped, key=str) == sorted(jobs, key=str)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"systems": ("cls", "hmm")}, "unknown system hmm"),
        ({"layers": (0,)}, "--layers"),
        ({"l2": (-1e-5,)}, "--l2"),
        ({"seeds": (1, 2, 1)}, "--seeds.*repeated"),
        ({"seeds": ()}, "--seeds= is empty"),
        ({"chosen_systems": ("hmm",)}, "unknown system hmm"),
        ({"chosen_systems": ("cls",)}, "name it once"),
        ({"chosen_fit_on": ("test",)}, "--chosen-fit-on"),
        ({"systems": ("reg-mse",), "chosen_systems": ("cls-ce",)}, "compare with cls"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        grid(**wrong)


@pytest.mark.parametrize(("number", "text"), [(0.0, "0"), (2e-5, "2e-5"), (0.002, "0.002"), (1.5e-10, "1.5e-10")])
def test_short_numbers(number, text):
    assert format_number(number) == text
