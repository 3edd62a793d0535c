"""Decoding as people call it by hand, on what a small run of the recipe left."""

import itertools
import re
import shutil

import kaldiio
import kenlm
import numpy as np
import pytest
from conftest import assert_one_line_error, decoded, step


def test_exact_and_a_beam_that_holds_all_states_give_the_same_labels(model):
    exact = decoded(model, "K4", "--search", "exact")
    beam = decoded(model, "K4", "--search", "beam", "--beam", 100)
    assert exact.returncode == beam.returncode == 0
    assert exact.stdout == beam.stdout
    assert len(exact.stdout.splitlines()[0].split()) == 1 + 250


def test_the_log_has_one_line_an_utterance_and_its_sum_is_right(model):
    lines = [line.split() for line in decoded(model, "K10").stderr.splitlines()]
    assert [line[0] for line in lines] == ["test_1", "test_2"]
    for _, frames, total, am, lm in lines:
        assert frames == "250"
        assert float(total) == pytest.approx(float(am) + 6 * float(lm), abs=1e-4)


def test_the_language_model_score_is_kenlms(model):
    done = decoded(model, "K6")
    scorer = kenlm.Model(str(model.parent / "lm" / "K6.3gram.arpa"))
    for labels, line in zip(done.stdout.splitlines(), done.stderr.splitlines(), strict=True):
        path = labels.split()[1:]
        regions = [label for i, label in enumerate(path) if i == 0 or label != path[i - 1]]
        expected = np.log(10) * scorer.score(" ".join(f"r{label}" for label in regions))
        assert float(line.split()[4]) == pytest.approx(expected, rel=1e-5)


def test_posteriors_of_another_number_of_classes_are_refused(model):
    done = decoded(model, "K4", posteriors=f"scp:{model}/posteriors_test.K6.scp")
    assert_one_line_error(done, "test_1", "(250, 6) for 4 classes")


def test_posteriors_with_nan_are_refused_and_leave_the_old_labels(model, tmp_path):
    kaldiio.save_ark(str(tmp_path / "bad.ark"), {"test_1": np.full((5, 4), np.nan, dtype=np.float32)})
    (tmp_path / "labels").write_text("old\n")
    done = decoded(model, "K4", posteriors=f"ark:{tmp_path}/bad.ark", labels=f"ark,t:{tmp_path}/labels")
    assert_one_line_error(done, "test_1", "NaN")
    assert (tmp_path / "labels").read_text() == "old\n"


def totals(done):
    """The score of each utterance from the lines of a decoding log."""
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^(\S+) \d+ (\S+) \S+ \S+$", done.stderr, re.MULTILINE)
    return {utt: float(total) for utt, total in found}


def test_a_narrow_beam_says_that_it_pruned(model):
    assert (
        "the beam dropped hypotheses in 2 of 2 utterances"
        in decoded(model, "K10", "--search", "beam", "--beam", 3).stderr
    )


def test_a_wide_beam_says_nothing(model):
    assert len(decoded(model, "K4", "--search", "beam", "--beam", 20).stderr.splitlines()) == 2


@pytest.mark.parametrize("search", ["exact", "beam"])
def test_the_search_error_is_the_gap_between_the_totals(model, search):
    exact, beam = totals(decoded(model, "K10")), totals(decoded(model, "K10", "--search", "beam", "--beam", 1))
    gaps = [exact[utt] - beam[utt] for utt in exact]
    done = decoded(model, "K10", "--search", search, "--beam", 1, "--report-search-error")
    words = re.search(r"beam 1: (\d) of 2 utterances below the exact score, by (\S+) at most, (\S+) on", done.stderr)
    assert int(words[1]) == sum(gap > 1e-6 for gap in gaps)
    assert float(words[2]) == pytest.approx(max(gaps), abs=2e-3)
    assert float(words[3]) == pytest.approx(np.mean(gaps), abs=2e-3)


def test_a_lag_that_covers_the_recording_decodes_as_without(model):
    assert decoded(model, "K6", "--lag", 250).stdout == decoded(model, "K6").stdout


def test_a_short_lag_scores_no_better_than_exact(model, tmp_path):
    """On posteriors that change from frame to frame; those of the small run's model hardly do."""
    random = np.random.default_rng(0)
    kaldiio.save_ark(f"{tmp_path}/p.ark", {utt: random.dirichlet(np.full(10, 0.3), size=80) for utt in ("a", "b")})
    source = f"ark:{tmp_path}/p.ark"
    exact = totals(decoded(model, "K10", posteriors=source))
    lagged = totals(decoded(model, "K10", "--lag", 0, posteriors=source))
    assert all(lagged[utt] <= exact[utt] + 1e-6 for utt in exact)
    assert lagged != exact


def test_geometric_hazards_decode_as_self_loops(model, tmp_path):
    lm = model.parent / "lm"
    rows = [line.split() for line in (lm / "K4.trans").read_text().strip(" []\n").splitlines()]
    hazards = "".join(f"  {1 - float(row[i]):.9g}\n" for i, row in enumerate(rows))
    (tmp_path / "hazards").write_text(f" [\n{hazards} ]\n")
    assert decoded(model, "K4", "--hazards", tmp_path / "hazards").stdout == decoded(model, "K4").stdout


def test_the_hazards_of_stage_3_decode(model):
    done = decoded(model, "K4", "--hazards", model.parent / "lm" / "K4.hazards")
    assert totals(done).keys() == {"test_1", "test_2"}


@pytest.mark.parametrize("option", [("--score-end", "false"), ("--log-base", "10"), ("--acoustic-scale", 0.5)])
def test_each_weight_moves_the_score(model, option):
    assert totals(decoded(model, "K4", *option)) != totals(decoded(model, "K4"))


def test_a_tenth_based_weight_is_a_natural_one_times_log_10(model):
    natural = totals(decoded(model, "K4"))
    tenth = totals(decoded(model, "K4", "--log-base", 10, "--lm-weight", 6 * np.log(10)))
    assert tenth == pytest.approx(natural)


def test_an_initial_prior_adds_its_logarithm(model, tmp_path):
    """The prior forbids all classes but one."""
    (tmp_path / "prior").write_text(" [ 0 0 1 0 ]\n")
    done = decoded(model, "K4", "--initial-prior", tmp_path / "prior")
    assert {line.split()[1] for line in done.stdout.splitlines()} == {"2"}


def test_a_unigram_decodes(model, tmp_path):
    lm = model.parent / "lm"
    done = step("steps/train_lm.py", "--order", 1, "--num-classes", 4, lm / "K4.regions", tmp_path / "K4.1gram.arpa")
    assert done.returncode == 0, done.stderr
    files = [lm / "K4.trans", tmp_path / "K4.1gram.arpa", f"scp:{model}/posteriors_test.K4.scp", "ark,t:-"]
    results = [step("steps/decode.py", "--lm-weight", 2, "--search", name, *files) for name in ("exact", "beam")]
    assert totals(results[0]) == pytest.approx(totals(results[1]))


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--beam", 0), ("--beam 0",)),
        (("--lag", -1), ("--lag -1",)),
        (("--lm-weight", -1), ("--lm-weight -1",)),
        (("--lm-weight", "nan"), ("--lm-weight nan",)),
        (("--acoustic-scale", 0), ("--acoustic-scale 0",)),
        (("--log-base", 2), ("--log-base 2",)),
        (("--lag", 5, "--search", "beam"), ("--lag", "exact search")),
        (("--initial-prior", "/nowhere"), ("/nowhere does not exist",)),
    ],
)
def test_options_that_cannot_be_are_one_line(model, options, parts):
    assert_one_line_error(decoded(model, "K4", *options), *parts)


def test_posteriors_that_do_not_sum_to_one_are_named(model, tmp_path):
    kaldiio.save_ark(str(tmp_path / "p.ark"), {"u1": np.log(np.full((5, 4), 0.25)), "u2": np.full((5, 4), 0.3)})
    done = decoded(model, "K4", posteriors=f"ark:{tmp_path}/p.ark")
    assert_one_line_error(done, "u1", "negative")
    kaldiio.save_ark(str(tmp_path / "p.ark"), {"u2": np.full((5, 4), 0.3)})
    assert_one_line_error(decoded(model, "K4", posteriors=f"ark:{tmp_path}/p.ark"), "u2", "frame 1 sum to 1.2")


def test_class_posteriors_and_their_mean(model, tmp_path):
    lm, source = model.parent / "lm", f"scp:{model}/posteriors_test.K4.scp"
    done = step(
        "steps/decode_posteriors.py",
        "--lm-weight",
        2,
        lm / "K4.trans",
        lm / "K4.3gram.arpa",
        source,
        f"ark:{tmp_path}/p.ark",
    )
    assert done.returncode == 0, done.stderr
    posteriors = dict(kaldiio.load_ark(f"{tmp_path}/p.ark"))
    assert all(np.allclose(matrix.sum(axis=1), 1, atol=1e-5) for matrix in posteriors.values())
    centers = model.parent / "labels" / "centers"
    done = step(
        "steps/reconstruct_mean.py",
        "--deviation",
        f"ark:{tmp_path}/d.ark",
        centers,
        "K4",
        f"ark:{tmp_path}/p.ark",
        f"ark:{tmp_path}/s.ark",
    )
    assert done.returncode == 0, done.stderr
    means = np.array(centers.read_text().split("K6")[0].split()[2:-1], dtype=float)
    deviations = dict(kaldiio.load_ark(f"{tmp_path}/d.ark"))
    for utt, series in kaldiio.load_ark(f"{tmp_path}/s.ark"):
        np.testing.assert_allclose(series, posteriors[utt] @ means, atol=1e-5)
        second = posteriors[utt] @ means**2 - (posteriors[utt] @ means) ** 2
        np.testing.assert_allclose(deviations[utt] ** 2, second, atol=1e-5)


def test_the_best_of_n_is_what_decoding_finds(model, tmp_path):
    lm, source = model.parent / "lm", f"scp:{model}/posteriors_test.K4.scp"
    done = step(
        "steps/n_best.py", "--n", 3, "--lm-weight", 6, lm / "K4.trans", lm / "K4.3gram.arpa", source, tmp_path / "n"
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in (tmp_path / "n").read_text().splitlines()]
    assert [line[0] for line in lines] == [f"test_{i}-{rank}" for i in (1, 2) for rank in (1, 2, 3)]
    exact = totals(decoded(model, "K4"))
    assert {line[0][:-2]: float(line[1]) for line in lines if line[0].endswith("-1")} == pytest.approx(exact)
    assert all(float(a[1]) >= float(b[1]) for a, b in itertools.pairwise(lines[:3]))
    assert len({tuple(line[2:]) for line in lines[:3]}) == 3


@pytest.mark.parametrize("order", [2, 3])
def test_joint_decoding_of_all_resolutions(model, tmp_path, order):
    done = step(
        "steps/decode_joint.py",
        "--order",
        order,
        "--lm-weight",
        2,
        model.parent,
        f"{model}/posteriors_test",
        f"ark:{tmp_path}/s.ark",
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stderr.splitlines()] == [["test_1", "250"], ["test_2", "250"]]
    assert {utt: len(series) for utt, series in kaldiio.load_ark(f"{tmp_path}/s.ark")} == {"test_1": 250, "test_2": 250}


@pytest.fixture
def dimension(small_run, tmp_path):
    """A copy of a dimension of the small run, without links to the original but for the posteriors."""
    shutil.copy(small_run.exp / "train.jobs", tmp_path)
    return shutil.copytree(small_run.exp / "arousal", tmp_path / "arousal")


def test_the_decoder_of_the_conf_file_is_swept_and_used(small_run, dimension, tmp_path):
    gold, chosen = small_run.data / "dev/arousal.scp", dimension / "decode_dev" / "best.conf"
    sweep = ["steps/tune_decoding.py", "--decoder", "posterior-mean", "--acoustic-scales", "0.5,1", gold, dimension]
    done = step(*sweep)
    assert done.returncode == 0, done.stderr
    assert "--decoder=posterior-mean\n" in chosen.read_text()
    assert (dimension / "decode_dev" / "sweep.csv").read_text().startswith("order,weight,acoustic_scale,ccc,rmse\n")
    before = (dimension / "predict_test" / "CLS-Decoded.ark").read_bytes()
    done = step("steps/decode_models.py", "--config", chosen, dimension, "test")
    assert done.returncode == 0, done.stderr
    assert (dimension / "predict_test" / "CLS-Decoded.ark").read_bytes() != before
    assert "up to date" in step(*sweep).stderr


def test_decoders_are_compared_on_dev_and_test(small_run, dimension):
    done = step("steps/compare_decoders.py", small_run.data, dimension)
    assert done.returncode == 0, done.stderr
    lines = [line.split(",") for line in (dimension / "decoders.csv").read_text().splitlines()]
    assert lines[0] == [
        "decoder",
        "order",
        "acoustic_scale",
        "lm_weight",
        "dev_ccc",
        "dev_rmse",
        "test_ccc",
        "test_rmse",
    ]
    assert [line[0] for line in lines[1:]] == [
        "raw",
        "raw-mean",
        "hmm",
        *(name for name in ("viterbi", "posterior-mean", "joint", "semi-markov") for _ in (2, 3)),
    ]
    assert all(-1 <= float(value) <= 1 for line in lines[1:] for value in (line[4], line[6]))


@pytest.mark.parametrize("script", ["decode.py", "decode_posteriors.py"])
def test_an_archive_without_utterances_is_one_line(model, tmp_path, script):
    (tmp_path / "empty.ark").touch()
    lm = model.parent / "lm"
    files = [lm / "K4.trans", lm / "K4.2gram.arpa", f"ark:{tmp_path}/empty.ark", f"ark:{tmp_path}/out.ark"]
    assert_one_line_error(step(f"steps/{script}", *files), "empty.ark: holds no utterance")
    assert not (tmp_path / "out.ark").exists()


def test_a_lag_far_beyond_the_recording_takes_no_more_than_the_recording(model):
    assert decoded(model, "K4", "--lag", 10**12).stdout == decoded(model, "K4").stdout


def test_posteriors_are_written_in_single_precision(model, tmp_path):
    lm, source = model.parent / "lm", f"scp:{model}/posteriors_test.K4.scp"
    step("steps/decode_posteriors.py", lm / "K4.trans", lm / "K4.2gram.arpa", source, f"ark:{tmp_path}/p.ark")
    assert {matrix.dtype for _, matrix in kaldiio.load_ark(f"{tmp_path}/p.ark")} == {np.dtype("float32")}


@pytest.mark.parametrize("option", ["--initial-prior", "--renormalize-lm"])
def test_all_decoders_of_one_resolution_take_the_same_options(model, tmp_path, option):
    lm, source = model.parent / "lm", f"scp:{model}/posteriors_test.K4.scp"
    value = lm / "K4.priors" if option == "--initial-prior" else "true"
    files = [lm / "K4.trans", lm / "K4.3gram.arpa", source]
    assert step("steps/n_best.py", "--n", 1, "--lm-weight", 6, option, value, *files, tmp_path / "n").returncode == 0
    best = [float(line.split()[1]) for line in (tmp_path / "n").read_text().splitlines()]
    assert best == pytest.approx(list(totals(decoded(model, "K4", option, value)).values()))


def test_a_language_model_too_large_to_estimate_is_one_line(tmp_path):
    (tmp_path / "regions").write_text("u r0 r1\n")
    done = step("steps/train_lm.py", "--order", 5, "--num-classes", 64, tmp_path / "regions", tmp_path / "x.arpa")
    assert_one_line_error(done, "--order 5", "64 classes takes 8852 MB, more than 512")


def test_what_is_wrong_with_an_arpa_file_is_named_by_its_line(model, tmp_path):
    text = (model.parent / "lm" / "K4.2gram.arpa").read_text()
    lines = text.splitlines()
    lines[8] = "x" + lines[8]
    (tmp_path / "K4.2gram.arpa").write_text("\n".join(lines) + "\n")
    files = [model.parent / "lm" / "K4.trans", tmp_path / "K4.2gram.arpa", f"scp:{model}/posteriors_test.K4.scp"]
    assert_one_line_error(step("steps/decode.py", *files, "ark:-"), "K4.2gram.arpa", "line 9: ", "is no logarithm")
