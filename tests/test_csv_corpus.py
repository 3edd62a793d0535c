"""Corpora of one's own recordings: data directories from small wavs and traces, and one message for all faults."""

import importlib
import os
import re

import kaldiio
import numpy as np
import pytest
import soundfile
from conftest import ROOT, step

from emoseq import DataError
from emoseq.features.fbank import read_features
from emoseq.io.datadir import fix, read_table, split
from emoseq.io.validate import validate
from emoseq.labels.resampling import ResamplingOptions
from emoseq.labels.traces import TraceOptions
from emoseq.recipe.recordings import Recording

PREPARE = ROOT / "egs/csv/local/prepare_data.py"
RATE = 8000


@pytest.fixture
def local(monkeypatch):
    """The modules of egs/csv/local."""
    monkeypatch.syspath_prepend(ROOT / "egs/csv/local")
    return importlib.import_module("recordings"), importlib.import_module("corpus")


def write_audio(path, seconds=4.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.sin(np.arange(round(seconds * RATE)) / 5), RATE)


def write_trace(path, columns, seconds=4.0, step=0.5):
    """A regular table from time 0 on whose values are those of functions of the time."""
    times = np.arange(round(seconds / step) + 1) * step
    rows = [",".join(["time", *columns])]
    rows += [",".join([f"{t:g}", *(f"{course(t):.4f}" for course in columns.values())]) for t in times]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")


def write_table(folder, *rows):
    (folder / "recordings.csv").write_text("".join(f"{row}\n" for row in rows))


@pytest.fixture
def corpus(tmp_path):
    """Three recordings of 4 s, one a set, two raters of arousal."""
    folder = tmp_path / "corpus"
    rows = ["id,audio,set"]
    for name, stem in (("train", "b"), ("dev", "a"), ("test", "c")):
        write_audio(folder / f"wav/{stem}.wav")
        write_trace(folder / f"ratings/arousal/{stem}.csv", {"anna": lambda t: t / 4, "ben": lambda t: -t / 8})
        rows.append(f"{stem},wav/{stem}.wav,{name}")
    write_table(folder, *rows)
    return folder


def prepare(corpus, *options, data=None):
    return step(PREPARE, *options, corpus, data or corpus.parent / "data")


def prepared(corpus, *options):
    """The folder of data directories of a corpus without faults."""
    done = prepare(corpus, *options)
    assert done.returncode == 0, done.stderr
    return corpus.parent / "data"


def ratings_of(data, utterance, dimension="arousal", name="train"):
    return kaldiio.load_scp(str(data / name / f"ratings.{dimension}.scp"))[utterance]


def faults_of(corpus, *options):
    """The lines of the message after its first."""
    done = prepare(corpus, *options)
    assert done.returncode == 1, done.stdout + done.stderr
    heading, *faults = done.stderr.splitlines()
    assert f"{corpus}: {len(faults)} fault" in heading
    assert "Traceback" not in done.stderr
    return [fault.strip() for fault in faults]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_data_directories_of_a_corpus(corpus):
    data = prepared(corpus)
    assert (data / "dimensions").read_text() == "arousal\n"
    assert (data / "train/wav.scp").read_text() == f"b {corpus}/wav/b.wav\n"
    assert (data / "train/utt2dur").read_text() == "b 4.00\n"
    assert (data / "train/utt2spk").read_text() == (data / "train/spk2utt").read_text() == "b b\n"
    assert read_table(data / "train/raters.arousal") == {"b": "anna ben"}
    assert not (data / "train/segments").exists()
    for name in ("train", "dev", "test"):
        done = step("utils/validate_data_dir.py", "--no-feats", data / name)
        assert done.returncode == 0, done.stderr


def test_ratings_have_the_time_of_the_frame_ends(corpus):
    ratings = ratings_of(prepared(corpus), "b")
    ends = (np.arange(100) + 1) * 0.04
    assert ratings.dtype == np.float32
    np.testing.assert_allclose(ratings, np.stack([ends / 4, -ends / 8], axis=1), atol=1e-4)


def test_the_label_rate_is_that_of_the_features(corpus):
    """A trace in steps of 0.5 s, held at 40 ms, keeps each value for 12 or 13 frames."""
    ratings = ratings_of(prepared(corpus, "--resample=hold"), "b")
    np.testing.assert_allclose(ratings[[11, 12, 23, 24, 99], 0], np.array([0, 0.5, 0.5, 1, 4]) / 4, atol=1e-4)


def test_raters_may_differ_between_recordings_and_one_is_enough(corpus):
    write_trace(corpus / "ratings/arousal/a.csv", {"carla": lambda t: 0.5})
    data = prepared(corpus)
    assert read_table(data / "dev/raters.arousal") == {"a": "carla"}
    assert ratings_of(data, "a", name="dev").shape == (100, 1)


def test_raters_may_have_files_of_their_own_and_blanks_in_their_names(corpus):
    (corpus / "ratings/arousal/b.csv").unlink()
    write_trace(corpus / "ratings/arousal/b.anna.csv", {"value": lambda t: 0.5})
    write_trace(corpus / "ratings/arousal/b.ben.csv", {"value": lambda t: -0.5})
    write_trace(corpus / "ratings/arousal/a.csv", {"Rater 1": lambda t: 0.5})
    data = prepared(corpus)
    assert read_table(data / "train/raters.arousal") == {"b": "anna ben"}
    assert read_table(data / "dev/raters.arousal") == {"a": "Rater_1"}
    np.testing.assert_allclose(ratings_of(data, "b")[50], [0.5, -0.5])


def test_ids_may_have_dots(corpus):
    edit(corpus / "recordings.csv", "b,wav/b.wav", "b.1,wav/b.wav")
    (corpus / "ratings/arousal/b.csv").rename(corpus / "ratings/arousal/b.1.csv")
    assert read_table(prepared(corpus) / "train/raters.arousal") == {"b.1": "anna ben"}


def test_gaps_and_missing_ends_are_nan(corpus):
    write_trace(corpus / "ratings/arousal/b.csv", {"anna": lambda t: t}, seconds=1, step=0.04)
    path = corpus / "ratings/arousal/b.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:6] + lines[16:]) + "\n")  # the last row before the gap is at 0.16 s
    ratings = ratings_of(prepared(corpus), "b")[:, 0]
    assert np.flatnonzero(np.isfinite(ratings)).tolist() == [0, 1, 2, 3, *range(14, 25)]


@pytest.fixture
def irregular(corpus):
    """Recordings of 12 s, the first rated at about 10 Hz whose intervals vary by 40 %, with a pause from 4 to 8 s."""
    for stem in "abc":
        write_audio(corpus / f"wav/{stem}.wav", seconds=12)
        write_trace(corpus / f"ratings/arousal/{stem}.csv", {"anna": lambda t: np.sin(t)}, seconds=12)
    times = np.cumsum(0.1 * np.random.default_rng(0).uniform(0.6, 1.4, 120))
    times = times[((times < 4) | (times > 8)) & (times < 12)]
    rows = [f"{t:.3f},{np.sin(t):.4f},{np.sin(t / 2):.4f}\n" for t in times]
    (corpus / "ratings/arousal/b.csv").write_text("time,anna,ben\n" + "".join(rows))
    return corpus, times


def test_a_gap_of_irregular_times_is_unrated(irregular):
    corpus, times = irregular
    done = prepare(corpus)
    assert done.returncode == 0, done.stderr
    ratings = ratings_of(corpus.parent / "data", "b")
    ends = (np.arange(300) + 1) * 0.04
    last, first = times[times < 4].max(), times[times > 8].min()
    unrated = (ends < times[0]) | ((ends > last) & (ends < first)) | (ends > times[-1])
    assert np.isnan(ratings).all(axis=1).tolist() == unrated.tolist()
    np.testing.assert_allclose(ratings[~unrated, 0], np.interp(ends[~unrated], times, np.sin(times)), atol=1e-3)
    seconds = 0.04 * (unrated & (ends > times[0])).sum()
    assert (
        "ratings/arousal/b.csv: rows come only where the value changes, it seems; --resample=hold holds values in "
        f"between, of which {seconds:.2f} s are unrated now" in done.stderr
    )


def test_one_note_names_all_tables_that_look_event_driven(irregular):
    corpus, _ = irregular
    (corpus / "ratings/arousal/a.csv").write_text("time,anna\n0.01,0\n1,0.5\n5,0.25\n5.1,0\n12,0.5\n")
    assert "ratings/arousal/a.csv (and 1 more file): rows come only where" in prepare(corpus).stderr


def test_irregular_times_are_held_through_pauses_and_to_the_end_on_request(irregular):
    corpus, times = irregular
    done = prepare(corpus, "--resample=hold")
    assert "it seems" not in done.stderr
    ratings = ratings_of(corpus.parent / "data", "b")
    ends = (np.arange(300) + 1) * 0.04
    assert np.isnan(ratings).all(axis=1).tolist() == (ends < times[0]).tolist()
    np.testing.assert_allclose(ratings[(ends > 4) & (ends < 8), 0], np.sin(times[times < 4].max()), atol=1e-4)
    path = corpus / "ratings/arousal/b.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:30]))
    end = float(path.read_text().splitlines()[-1].split(",")[0])
    note = f"b: arousal: the ratings of anna, ben end {12 - end:.2f} s before the audio, the last value held to its end"
    assert note in prepare(corpus, "--resample=hold").stderr


def test_regular_times_keep_their_gaps_when_held(irregular):
    corpus, _ = irregular
    times = [k / 10 for k in range(1, 121) if not 40 < k < 80]
    (corpus / "ratings/arousal/b.csv").write_text("time,anna\n" + "".join(f"{t},{np.sin(t):.4f}\n" for t in times))
    ratings = ratings_of(prepared(corpus, "--resample=hold"), "b")[:, 0]
    ends = (np.arange(300) + 1) * 0.04
    unrated = (ends < 0.1) | ((ends > 4 + 1e-9) & (ends < 8 - 1e-9))
    assert np.isnan(ratings).tolist() == unrated.tolist()


def test_a_single_row_rates_nothing_unless_it_is_held(corpus):
    (corpus / "ratings/arousal/b.csv").write_text("time,anna\n0.01,0.5\n")
    (fault,) = faults_of(corpus)
    assert fault == (
        "ratings/arousal/b.csv: the ratings of anna are too few or too far apart to rate a label; hold them with "
        "--resample=hold, or remove them"
    )
    assert ratings_of(prepared(corpus, "--resample=hold"), "b").tolist() == [[0.5]] * 100


def test_ratings_are_scaled_by_the_option(corpus):
    for stem in "abc":
        write_trace(corpus / f"ratings/arousal/{stem}.csv", {"anna": lambda t: 25 * t})
    data = prepared(corpus, "--scale=0,100")
    assert ratings_of(data, "b")[24, 0] == pytest.approx(-0.5)


@pytest.mark.parametrize("words", [("--scale", 0, 100), ("--scale", "0,100")])
def test_the_scale_may_be_two_words(corpus, words):
    for stem in "abc":
        write_trace(corpus / f"ratings/arousal/{stem}.csv", {"anna": lambda t: 25 * t})
    assert ratings_of(prepared(corpus, *words), "b")[24, 0] == pytest.approx(-0.5)


def test_the_scale_may_be_negative(corpus):
    assert ratings_of(prepared(corpus, "--scale", -2, 2), "b")[24, 0] == pytest.approx(0.125)


def test_options_come_from_a_conf_folder(corpus, tmp_path):
    for stem in "abc":
        write_trace(corpus / f"ratings/arousal/{stem}.csv", {"anna": lambda t: 25 * t})
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/traces.conf").write_text("--scale=0,100   # of our slider\n")
    assert ratings_of(prepared(corpus, "--conf", tmp_path / "conf"), "b")[24, 0] == pytest.approx(-0.5)


def test_columns_of_tables_without_a_folder_are_dimensions(corpus):
    for path in sorted((corpus / "ratings/arousal").iterdir()):
        path.unlink()
        write_trace(corpus / f"ratings/{path.stem}.csv", {"Arousal": lambda t: 0.5, "Valence": lambda t: -0.5})
    data = prepared(corpus)
    assert (data / "dimensions").read_text() == "arousal\nvalence\n"
    np.testing.assert_allclose(ratings_of(data, "b", "valence"), np.full((100, 1), -0.5))
    data = prepared(corpus, "--dimension=arousal")
    assert (data / "dimensions").read_text() == "arousal\n"
    assert read_table(data / "train/raters.arousal") == {"b": "Arousal Valence"}
    assert not list(data.glob("*/*valence*"))


def test_pagan_names_recordings_and_raters_itself(corpus):
    header = "OriginalName,DatabaseName,Participant,ExternalPID,SessionID,Timestamp,VideoTime,Value\n"
    rows = [
        f"{stem}.mp4,x_{stem}.mp4,{rater},,S,1,{1000 * k},{100 * k}" for stem in "abc" for rater in "PQ" for k in (0, 1)
    ]
    for path in (corpus / "ratings/arousal").iterdir():
        path.unlink()
    (corpus / "ratings/arousal/log.csv").write_text(header + "\n".join(rows) + "\n")
    data = prepared(corpus)
    assert read_table(data / "train/raters.arousal") == {"b": "P Q"}
    np.testing.assert_allclose(ratings_of(data, "b")[[0, 23, 24, 99]], [[0, 0], [0, 0], [1, 1], [1, 1]])


def test_a_log_may_be_divided_by_recording_and_ends_with_its_last_event(corpus):
    for path in (corpus / "ratings/arousal").iterdir():
        text = f"OriginalName,Participant,VideoTime,Value\n{path.stem}.mp4,P,0,-100\n{path.stem}.mp4,P,1000,50\n"
        (corpus / f"ratings/arousal/{path.stem}.export.csv").write_text(text)
        path.unlink()
    done = prepare(corpus)
    assert "before the audio" not in done.stderr
    data = corpus.parent / "data"
    assert read_table(data / "train/raters.arousal") == {"b": "P"}
    assert ratings_of(data, "b")[-1].tolist() == [0.5]


def test_carma_needs_a_folder_or_the_option(corpus):
    for path in (corpus / "ratings/arousal").iterdir():
        path.unlink()
        text = (
            '"Multimedia File","x"\n"Minimum Value","0"\n"Maximum Value","10"\n"Second","Rating"\n"%%%%%%","%%%%%%"\n'
        )
        (corpus / f"ratings/{path.stem}.anna.csv").write_text(text + '"1","0"\n"2","10"\n"3","5"\n')
    assert all("nothing names its dimension" in fault for fault in faults_of(corpus))
    data = prepared(corpus, "--dimension=tension")
    ratings = ratings_of(data, "b", "tension")[:, 0]
    np.testing.assert_allclose(ratings[[24, 49, 74]], [-1, 1, 0], atol=1e-6)
    assert np.isnan(ratings[[0, 23, 75]]).all()
    assert read_table(data / "train/raters.tension") == {"b": "anna"}


def test_the_scale_of_the_option_has_precedence_over_that_of_the_file(corpus):
    for stem in "abc":
        text = '"Minimum Value","0"\n"Maximum Value","10"\n"Second","Rating"\n"%%%%%%","%%%%%%"\n"1","0"\n"2","10"\n'
        (corpus / f"ratings/arousal/{stem}.csv").write_text(text)
    ratings = ratings_of(prepared(corpus, "--scale=0,20"), "b")[:, 0]
    np.testing.assert_allclose(ratings[[24, 49]], [-1, 0], atol=1e-6)


def test_axes_of_darma_are_dimensions_in_any_folder(corpus):
    for path in (corpus / "ratings/arousal").iterdir():
        text = (
            'Magnitude,100,"",""\nSecond,Valence,Arousal,Button\n%%%%%%,%%%%%%,%%%%%%,%%%%%%\n1,0,-100,0\n2,50,100,0\n'
        )
        (corpus / f"ratings/arousal/{path.stem}.anna.csv").write_text(text)
        path.unlink()
    data = prepared(corpus)
    assert (data / "dimensions").read_text() == "arousal\nvalence\n"
    np.testing.assert_allclose(ratings_of(data, "b", "valence")[[24, 49], 0], [0, 0.5], atol=1e-6)
    np.testing.assert_allclose(ratings_of(data, "b", "arousal")[[24, 49], 0], [-1, 1], atol=1e-6)
    assert read_table(data / "train/raters.valence") == {"b": "anna"}


def test_folders_of_dimensions_are_taken_in_lower_case(corpus):
    (corpus / "ratings/arousal").rename(corpus / "ratings/Arousal")
    assert (prepared(corpus) / "dimensions").read_text() == "arousal\n"


def test_the_table_may_come_from_a_spreadsheet(corpus):
    """A byte order mark, semicolons, CRLF, capital names and blank rows."""
    text = "\ufeffID;Audio;Set\r\nb;wav/b.wav;train\r\n;;\r\na;wav/a.wav;dev\r\nc;wav/c.wav;test\r\n"
    (corpus / "recordings.csv").write_text(text, newline="")
    assert (prepared(corpus) / "train/utt2dur").read_text() == "b 4.00\n"


def test_nova_is_two_files_with_a_scale_of_their_own(corpus):
    for path in (corpus / "ratings/arousal").iterdir():
        path.unlink()
        header = (ROOT / "tests/labels/fixtures/nova_binary.annotation").read_bytes()
        samples = (ROOT / "tests/labels/fixtures/nova_binary.annotation~").read_bytes()
        (corpus / f"ratings/{path.stem}.annotation").write_bytes(header)
        (corpus / f"ratings/{path.stem}.annotation~").write_bytes(samples)
    data = prepared(corpus)
    assert read_table(data / "train/raters.arousal") == {"b": "gold"}
    np.testing.assert_allclose(ratings_of(data, "b")[:3, 0], 2 * np.array([0.5, 0.56, 0.62]) - 1, atol=1e-6)


def test_segments_are_parts_of_a_recording_with_times_of_their_own(corpus):
    write_table(
        corpus, "id,audio,set,start,end", "b,wav/b.wav,train,0.5,2.5", "d,wav/b.wav,train,2.5,", "a,wav/a.wav,dev,,"
    )
    (corpus / "ratings/arousal/c.csv").unlink()
    write_trace(corpus / "ratings/arousal/b.csv", {"anna": lambda t: t / 4}, seconds=2)
    write_trace(corpus / "ratings/arousal/d.csv", {"anna": lambda t: 0.5}, seconds=1.5)
    data = prepared(corpus)
    assert (data / "train/segments").read_text() == "b b 0.500 2.500\nd b 2.500 4.000\n"
    assert (data / "train/wav.scp").read_text() == f"b {corpus}/wav/b.wav\n"
    assert (data / "train/utt2dur").read_text() == "b 2.00\nd 1.50\n"
    assert (data / "dev/segments").read_text() == "a a 0.000 4.000\n"
    ratings = ratings_of(data, "b")[:, 0]
    np.testing.assert_allclose(ratings, (np.arange(50) + 1) * 0.04 / 4, atol=1e-4)
    assert not (data / "test").exists()


def test_an_end_rounded_beyond_the_audio_is_that_of_the_audio(corpus, local):
    write_table(corpus, "id,audio,start,end", "b,wav/b.wav,1,4.04", "a,wav/a.wav,1,3.96")
    recordings = local[0].read_table(corpus).recordings
    assert (recordings["b"].end, recordings["a"].end) == (4.0, 3.96)


def test_a_part_rated_in_the_time_of_its_audio_is_a_fault_until_times_count_from_its_start(corpus):
    write_audio(corpus / "wav/b.wav", seconds=60)
    table = ["id,audio,set,start,end", "b,wav/b.wav,train,50,54", "a,wav/a.wav,dev,,", "c,wav/c.wav,test,,"]
    write_table(corpus, *table)
    path = corpus / "ratings/arousal/b.csv"
    path.write_text("time,anna,ben\n" + "".join(f"{50 + k / 10},{k / 50},0\n" for k in range(1, 40)))
    assert faults_of(corpus) == [
        "ratings/arousal/b.csv: the ratings of anna, ben lie from 50.1 to 53.9 s, but b lasts 4.00 s; let times count "
        "from its start, 50 s into the audio"
    ]
    path.write_text("time,anna\n" + "".join(f"{k / 10},{k / 50}\n" for k in range(1, 40)))
    prepared(corpus)


def test_times_in_milliseconds_beyond_the_recording_are_shown_as_they_are(corpus):
    (corpus / "ratings/arousal/b.csv").write_text("time,anna\n10000,0\n15000,0.5\n20000,-0.5\n")
    (fault,) = faults_of(corpus)
    assert "lie from 10000 to 20000 ms, but b lasts 4.00 s; let times count from its beginning" in fault


def test_a_second_run_is_up_to_date_and_a_changed_trace_is_read_again(corpus):
    data = prepared(corpus)
    before = (data / "train/ratings.arousal.ark").read_bytes()
    assert f"{data}: up to date" in prepare(corpus).stderr
    edit(corpus / "ratings/arousal/b.csv", "0.5,0.1250", "0.5,0.2500")
    assert "up to date" not in prepare(corpus).stderr
    assert (data / "train/ratings.arousal.ark").read_bytes() != before


def test_what_an_earlier_corpus_had_besides_is_removed(corpus):
    for stem in "abc":
        write_trace(corpus / f"ratings/valence/{stem}.csv", {"anna": lambda t: 0.1})
    data = prepared(corpus)
    assert (data / "dev/ratings.valence.scp").exists()
    for stem in "abc":
        (corpus / f"ratings/valence/{stem}.csv").unlink()
    edit(corpus / "recordings.csv", ",test", ",dev")
    prepared(corpus)
    assert (data / "dimensions").read_text() == "arousal\n"
    assert not list(data.glob("*/*valence*"))
    assert not (data / "test").exists()


def test_a_dry_run_writes_nothing(corpus):
    done = prepare(corpus, "--dry-run")
    assert "would run (missing" in done.stderr
    assert not (corpus.parent / "data").exists()


def test_a_test_recording_without_ratings_is_predicted(corpus):
    (corpus / "ratings/arousal/c.csv").unlink()
    done = prepare(corpus)
    assert done.returncode == 0, done.stderr
    assert "c: no ratings of arousal; predicted but not scored" in done.stderr
    data = corpus.parent / "data"
    assert (data / "test/wav.scp").exists()
    assert not (data / "test/ratings.arousal.scp").exists()


def test_ends_that_differ_from_the_audio_are_noted_with_the_difference(corpus):
    write_trace(corpus / "ratings/arousal/b.csv", {"anna": lambda t: 0.1}, seconds=2.5)
    write_trace(corpus / "ratings/arousal/a.csv", {"anna": lambda t: 0.1}, seconds=6)
    done = prepare(corpus)
    assert done.returncode == 0, done.stderr
    assert "b: arousal: the ratings of anna end 1.50 s before the audio" in done.stderr
    assert "a: arousal: the ratings of anna end 2.00 s after the audio" in done.stderr


def test_ratings_that_begin_late_are_noted(corpus):
    text = "time,anna,ben\n" + "".join(f"{k / 10},{'' if k < 20 else 0.1},{-k / 40}\n" for k in range(1, 41))
    (corpus / "ratings/arousal/b.csv").write_text(text)
    done = prepare(corpus)
    assert done.returncode == 0, done.stderr
    assert "b: arousal: the ratings of anna begin 2.00 s into the audio" in done.stderr
    assert "ben begin" not in done.stderr
    assert "s before the audio" not in done.stderr


def test_times_before_the_recording_are_a_fault_until_they_count_from_its_beginning(corpus):
    path = corpus / "ratings/arousal/b.csv"
    rows = [(k / 10, k / 100) for k in range(-20, 41)]
    path.write_text("time,anna\n" + "".join(f"{t},{v}\n" for t, v in rows))
    (fault,) = faults_of(corpus)
    assert fault.startswith("ratings/arousal/b.csv:2: the time is negative (-2 s)")
    assert "(20 lines in all)" in fault
    path.write_text("time,anna\n" + "".join(f"{t},{v}\n" for t, v in rows if t >= 0))
    prepared(corpus)


def test_a_scale_from_zero_is_asked_about(corpus):
    for stem in "abc":
        write_trace(corpus / f"ratings/arousal/{stem}.csv", {"anna": lambda t: t / 4})
    assert "arousal: no rating is below 0; if its scale is 0 to 1" in prepare(corpus).stderr
    assert "no rating is below 0" not in prepare(corpus, "--scale=-2,2").stderr


def test_a_speaker_in_two_sets_is_a_warning(corpus):
    write_table(corpus, "id,audio,set,speaker", "b,wav/b.wav,train,x", "a,wav/a.wav,dev,x", "c,wav/c.wav,test,y")
    done = prepare(corpus)
    assert done.returncode == 0
    assert "speaker x is in train and dev; scores will be higher" in done.stderr
    assert "speaker y" not in done.stderr


# Speakers


def test_an_utterance_begins_with_its_speaker(corpus):
    """An id that does already stays, and so does one without a speaker; ratings go with their recordings."""
    write_table(
        corpus,
        "id,audio,set,speaker",
        "b,wav/b.wav,train,x",
        "x-c,wav/c.wav,train,x",
        "xd,wav/a.wav,train,x",
        "a,wav/a.wav,dev,",
    )
    (corpus / "ratings/arousal/c.csv").rename(corpus / "ratings/arousal/x-c.csv")
    write_trace(corpus / "ratings/arousal/xd.csv", {"carla": lambda t: 0.5})
    data = prepared(corpus)
    assert (data / "train/utt2spk").read_text() == "x-b x\nx-c x\nx-xd x\n"
    assert (data / "train/spk2utt").read_text() == "x x-b x-c x-xd\n"
    assert read_table(data / "train/wav.scp") == {
        f"x-{key}": f"{corpus}/wav/{stem}.wav" for key, stem in (("b", "b"), ("c", "c"), ("xd", "a"))
    }
    assert read_table(data / "train/raters.arousal") == {"x-b": "anna ben", "x-c": "anna ben", "x-xd": "carla"}
    assert ratings_of(data, "x-xd").tolist() == [[0.5]] * 100
    assert (data / "dev/utt2spk").read_text() == "a a\n"


def test_features_are_normalised_by_recording_and_tables_can_be_fixed(corpus):
    write_table(
        corpus,
        "id,audio,set,speaker",
        "b,wav/b.wav,train,x",
        "c,wav/c.wav,train,x",
        "a,wav/a.wav,train,y",
        "d,wav/a.wav,dev,",
    )
    for stem, loudness in (("b", 0.01), ("c", 0.5)):
        noise = np.random.default_rng(1).normal(size=4 * RATE)
        soundfile.write(corpus / f"wav/{stem}.wav", loudness * np.clip(noise / 4, -1, 1), RATE)
    write_trace(corpus / "ratings/arousal/d.csv", {"anna": lambda t: 0.5})
    train = prepared(corpus) / "train"
    done = step("steps/make_fbank.py", train)
    assert done.returncode == 0, done.stderr
    assert str(validate(train)).startswith("3 utterances")
    features = read_features(train)
    assert list(features) == ["x-b", "x-c", "y-a"]
    for name in ("x-b", "x-c"):
        np.testing.assert_allclose(features[name].mean(axis=0), 0, atol=1e-3)
    (train / "feats.scp").write_text("".join((train / "feats.scp").read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(DataError, match="x-b: missing"):
        validate(train)
    assert fix(train) == (2, 3)
    assert str(validate(train)).startswith("2 utterances")
    assert (train / "spk2utt").read_text() == "x x-c\ny y-a\n"
    pieces = split(train, 2)
    assert [(piece / "utt2spk").read_text() for piece in pieces] == ["x-c x\n", "y-a y\n"]


@pytest.mark.parametrize(
    ("rows", "fault", "better"),
    [
        (
            ["b,wav/b.wav,train,x", "x-b,wav/c.wav,train,x", "a,wav/a.wav,dev,y"],
            "recordings.csv:3: x-b: its utterance x-b is also that of b (recordings.csv:2); rename one of the two",
            ["b,wav/b.wav,train,x", "x-c,wav/c.wav,train,x", "a,wav/a.wav,dev,y"],
        ),
        (
            ["c,wav/b.wav,train,x", "b,wav/c.wav,train,x-a", "a,wav/a.wav,dev,y"],
            "recordings.csv:2: c: its utterance x-c comes after x-a-b, but its speaker x before x-a; rename one",
            ["c,wav/b.wav,train,x", "b,wav/c.wav,train,a-x", "a,wav/a.wav,dev,y"],
        ),
        (
            ["c,wav/b.wav,train,x", "x+1,wav/c.wav,dev,"],
            "recordings.csv:2: c: its utterance x-c comes after x+1, but its speaker x before x+1; rename one of these",
            ["c,wav/b.wav,train,x", "x+1,wav/c.wav,dev,z"],
        ),
        (
            ["b,wav/b.wav,train,Anna B", "a,wav/a.wav,dev,y"],
            "recordings.csv:2: b: 'Anna B' is not a speaker's name; use letters",
            ["b,wav/b.wav,train,Anna_B", "a,wav/a.wav,dev,y"],
        ),
    ],
)
def test_names_that_kaldi_cannot_sort_are_faults_with_a_remedy(corpus, local, rows, fault, better):
    write_table(corpus, "id,audio,set,speaker", *rows)
    (found,) = local[0].read_table(corpus).faults
    assert found.startswith(fault)
    write_table(corpus, "id,audio,set,speaker", *better)
    assert local[0].read_table(corpus).faults == []


def test_speakers_may_be_numbered_without_zeros(corpus, local):
    write_table(corpus, "id,audio,set,speaker", "b,wav/b.wav,train,s1", "c,wav/c.wav,train,s10", "a,wav/a.wav,dev,s2")
    assert local[0].read_table(corpus).faults == []


def test_files_of_one_name_have_different_ids_in_all_sets(corpus):
    write_audio(corpus / "more/b.wav", seconds=3)
    write_table(corpus, "id,audio,set,start,end", "b,wav/b.wav,train,0,2", "a,more/b.wav,dev,1,2")
    (corpus / "ratings/arousal/c.csv").unlink()
    data = prepared(corpus)
    assert (data / "dev/wav.scp").read_text() == f"b {corpus}/more/b.wav\n"
    assert (data / "train/wav.scp").read_text() == f"b_2 {corpus}/wav/b.wav\n"
    assert (data / "train/segments").read_text() == "b b_2 0.000 2.000\n"


def test_audio_may_have_any_name_where_rows_are_parts_of_it(corpus):
    """Ids of files have neither blanks nor control characters."""
    for stem, odd in (("a", "\a1"), ("b", "b 1\x85"), ("c", " \u2028")):
        (corpus / f"wav/{stem}.wav").rename(corpus / f"wav/{odd}.wav")
    write_table(
        corpus,
        "id,audio,set,start,end",
        "b,wav/b 1\x85.wav,train,0,4",
        "a,wav/\a1.wav,dev,0,4",
        "c,wav/ \u2028.wav,test,0,4",
    )
    data = prepared(corpus)
    ids = {name: list(read_table(data / name / "wav.scp")) for name in ("train", "dev", "test")}
    assert ids == {"train": ["b_1"], "dev": ["1"], "test": ["audio"]}
    for name in ids:
        done = step("utils/validate_data_dir.py", "--no-feats", data / name)
        assert done.returncode == 0, done.stderr


# Faults


def test_all_faults_come_in_one_message(corpus):
    """Each fault stands on a line of its own with file, line and remedy."""
    write_table(
        corpus,
        "id,audio,set",
        "b,wav/b.wav,train",
        "a,wav/gone.wav,dev",
        "c d,wav/c.wav,test",
        "b,wav/b.wav,train",
        "e,wav/c.wav,eval",
        "f,wav/c.wav,dev",
    )
    edit(corpus / "ratings/arousal/b.csv", "1,0.2500", "1,inf")
    write_trace(corpus / "ratings/big five/f.csv", {"anna": lambda t: 0.1})
    write_trace(corpus / "ratings/arousal/zz.csv", {"anna": lambda t: 0.1})
    faults = faults_of(corpus)
    expected = [
        r"recordings.csv:3: a: the audio file .*gone.wav does not exist",
        r"recordings.csv:4: 'c d' is not an id",
        r"recordings.csv:5: the id b is also that of line 2",
        r"recordings.csv:6: e: the set is 'eval'; train, dev or test",
        r"ratings/arousal/b.csv:4: anna is 'inf'",
        r"ratings/arousal/zz.csv: there is no recording zz",
        r"ratings/big five/: 'big five': a dimension is named by lower-case letters",
        r"recordings.csv:7: f: no ratings of arousal, which dev needs",
    ]
    for pattern in expected:
        assert [fault for fault in faults if re.match(pattern, fault)], (pattern, faults)
    assert [fault for fault in faults if "arousal/c.csv" in fault]  # its recording has another name now
    assert not [fault for fault in faults if "b: no ratings" in fault]  # they have a fault of their own


@pytest.fixture
def bad_trace(corpus):
    """The corpus with a fault in the ratings of its recording b."""
    edit(corpus / "ratings/arousal/b.csv", "1,0.2500", "1,inf")
    return corpus, "ratings/arousal/b.csv:4: anna is 'inf'; a number with a decimal point"


def read_faults(corpus, part):
    """The faults of the table, of a corpus that has one of its ratings besides."""
    *faults, last = faults_of(corpus)
    assert last.startswith(part)
    return faults


def test_a_table_that_is_not_utf_8_is_read_as_far_as_it_is(bad_trace):
    corpus, part = bad_trace
    (corpus / "wav/c.wav").rename(corpus / "wav/\u00e4.wav")
    edit(corpus / "recordings.csv", "c,wav/c.wav", "c,wav/\u00e4.wav")
    path = corpus / "recordings.csv"
    text = path.read_text() + "d,gone.wav,dev\n"
    path.write_bytes(text.encode("latin-1"))
    first, second = read_faults(corpus, part)
    assert first == "recordings.csv:4: the text is not UTF-8; save it as CSV in UTF-8"
    assert second.startswith("recordings.csv:5: d: the audio file")
    path.write_bytes(text.replace("d,gone.wav,dev\n", "").encode())
    edit(corpus / "ratings/arousal/b.csv", "1,inf", "1,0.25")
    prepared(corpus)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_table_in_another_encoding_is_one_fault(bad_trace, encoding):
    corpus, part = bad_trace
    path = corpus / "recordings.csv"
    path.write_bytes(path.read_text().encode(encoding))
    assert read_faults(corpus, part) == ["recordings.csv:1: the text is not UTF-8; save it as CSV in UTF-8"]


@pytest.mark.parametrize(
    ("header", "faults"),
    [
        ("id,wav,set", ["there is no column 'wav'; the columns are", "the column audio is missing"]),
        ("name,audio,set", ["there is no column 'name'; the columns are", "the column id is missing"]),
        ("id,audio,set,set", ["two columns are named set"]),
    ],
)
def test_ratings_are_read_though_the_header_has_faults(bad_trace, header, faults):
    corpus, part = bad_trace
    edit(corpus / "recordings.csv", "id,audio,set", header)
    if header.count("set") > 1:
        for name in ("train", "dev", "test"):
            edit(corpus / "recordings.csv", f",{name}\n", f",{name},{name}\n")
    found = read_faults(corpus, part)
    assert len(found) == len(faults)
    assert all(
        fault in line and line.startswith("recordings.csv:1: ") for fault, line in zip(faults, found, strict=True)
    )


def test_a_comma_in_a_name_is_one_fault_and_quotation_marks_its_remedy(bad_trace):
    """The row is the only one of train, and there are good ratings of it."""
    corpus, part = bad_trace
    (corpus / "wav/b.wav").rename(corpus / "wav/my, talk.wav")
    edit(corpus / "recordings.csv", "b,wav/b.wav", "b,wav/my, talk.wav")
    assert read_faults(corpus, part) == [
        "recordings.csv:2: 4 fields, where the header has 3; put a name that has a comma into quotation marks "
        '("my, talk.wav"), or remove fields'
    ]
    edit(corpus / "recordings.csv", "b,wav/my, talk.wav", 'b,"wav/my, talk.wav"')
    edit(corpus / "ratings/arousal/b.csv", "1,inf", "1,0.25")
    prepared(corpus)


def test_a_long_list_of_faults_is_cut(corpus):
    write_table(corpus, "id,audio", *(f"r{i},gone{i}.wav" for i in range(30)))
    done = prepare(corpus)
    lines = done.stderr.splitlines()
    assert "33 faults" in lines[0]
    assert len(lines) == 22
    assert lines[-1].strip() == "and 13 more"


@pytest.mark.parametrize(
    ("table", "part"),
    [
        ("id,wav\nb,b.wav\n", "there is no column 'wav'"),
        ("id,wav\nb,b.wav\n", "the column audio is missing"),
        ("id,audio,id\n", "two columns are named id"),
        ("id,audio,start\nb,wav/b.wav,0\n", "start and end, in seconds, are needed together"),
        ("", "the column id is missing"),
        ("id,audio\n", "names no recording"),
        ("id,audio,set\nb,wav/b.wav,train\na,wav/a.wav,\nc,wav/c.wav,dev\n", "a: the set is ''"),
        ("id,audio,set\nb,wav/b.wav,train\na,wav/a.wav,train\nc,wav/c.wav,train\n", "no recording is in the set dev"),
        ("id,audio,set\nb,wav/b.wav\n", ":2: 2 fields, where the header has 3; add the missing fields; an empty one"),
        (
            'id,audio\nb,"wav/b.wav\nc,wav/c.wav\n',
            ":2: a line break within a field; close the quotation mark before it",
        ),
        ('id,audio\nb,"' + "x" * 140000, ":2: field larger than field limit (131072); is a quotation mark left open?"),
        (
            "id,audio,start,end\nb,wav/b.wav,2,1\n",
            "b: it starts at 2 s and ends at 1 s; the start must be the earlier one",
        ),
        ("id,audio,start,end\nb,wav/b.wav,0,0:03\n", "b: the end is '0:03'; write the seconds in the audio, such as"),
        ("id,audio,start,end\nb,wav/b.wav,-1,\n", "b: the start is '-1'; write the seconds in the audio"),
        ("id,audio,start,end\nb,wav/b.wav,NaN,\n", "b: the start is 'NaN'; write the seconds in the audio"),
        ("id,audio,start,end\nb,wav/b.wav,9,\n", "b: it starts at 9 s, but the audio lasts 4.00 s; correct the start"),
        ("id,audio,start,end\nb,wav/b.wav,0,9\n", "ends at 9 s, but the audio lasts 4.00 s"),
        ("id,audio\nb/1,wav/b.wav\n", "'b/1' is not an id"),
        ("id,audio\nb,recordings.csv\n", "is not an audio file"),
        ("id,audio\nb,wav\n", "wav is a folder; name an audio file in it"),
        ("id,audio\nb,\n", "no audio file is named"),
    ],
)
def test_faults_of_the_table(corpus, local, table, part):
    (corpus / "recordings.csv").write_text(table)
    assert [fault for fault in local[0].read_table(corpus).faults if part in fault]


def load(corpus, local, format="auto"):
    options = TraceOptions(format=format, scale=(), dimension="", seed=1)
    return local[1].load_corpus(corpus, local[0].read_table(corpus), options, ResamplingOptions("auto", 0.5), 0.04)


def clashing_raters(corpus):
    write_trace(corpus / "ratings/arousal/more/b.csv", {"anna": lambda t: 0})
    return "ratings/arousal/more/b.csv: rater anna rates b in ratings/arousal/b.csv too; remove the ratings from"


def out_of_scale(corpus):
    edit(corpus / "ratings/arousal/b.csv", "4,1.0000", "4,7.5")
    return "ratings/arousal/b.csv:10: the rating 7.5 of anna is outside the scale from -1 to 1"


def no_overlap(corpus):
    path = corpus / "ratings/arousal/b.csv"
    path.write_text("time,anna\n10,0.5\n11,0.25\n")
    return "ratings/arousal/b.csv: the ratings of anna lie from 10 to 11 s, but b lasts 4.00 s"


def no_ratings_folder(corpus):
    os.rename(corpus / "ratings", corpus / "labels")
    return "ratings/ holds no file"


def stray_document(corpus):
    (corpus / "ratings/README.txt").write_text("Notes on the ratings\n")
    return "ratings/README.txt: the first line is Notes on the ratings"


def reserved_dimension(corpus):
    write_trace(corpus / "ratings/report/b.csv", {"anna": lambda t: 0})
    return "ratings/report/: 'report' cannot name a dimension"


def dimension_named_as_the_settings(corpus):
    write_trace(corpus / "ratings/conf/b.csv", {"anna": lambda t: 0})
    return "ratings/conf/: 'conf' cannot name a dimension"


def lonely_samples(corpus):
    (corpus / "ratings/arousal/b.annotation~").write_text("0;1\n")
    return "ratings/arousal/b.annotation~: NOVA's header b.annotation is missing"


def rater_twice_named(corpus):
    write_trace(corpus / "ratings/arousal/b.carla.csv", {"x": lambda t: 0, "y": lambda t: 0})
    return "ratings/arousal/b.carla.csv: the file name is of rater carla, but the file has 2 columns"


def unknown_recordings_of_a_log(corpus):
    header = "OriginalName,Participant,VideoTime,Value\n"
    (corpus / "ratings/arousal/log.csv").write_text(header + "x.mp4,P,0,0\nx.mp4,Q,0,0\n")
    return "1 fault:\n  ratings/arousal/log.csv:2: there is no recording x in recordings.csv"


def unrated_dev(corpus):
    (corpus / "ratings/arousal/a.csv").unlink()
    return "recordings.csv:3: a: no ratings of arousal, which dev needs; add ratings/arousal/a.csv"


@pytest.mark.parametrize(
    "damage",
    [
        clashing_raters,
        out_of_scale,
        no_overlap,
        no_ratings_folder,
        stray_document,
        reserved_dimension,
        dimension_named_as_the_settings,
        lonely_samples,
        rater_twice_named,
        unknown_recordings_of_a_log,
        unrated_dev,
    ],
)
def test_faults_of_the_ratings(corpus, local, damage):
    part = damage(corpus)
    with pytest.raises(DataError) as error:
        load(corpus, local)
    assert part in str(error.value)


def test_a_dimension_of_a_bad_name_is_one_fault_until_its_folder_is_renamed(corpus):
    for stem in "abc":
        write_trace(corpus / f"ratings/2nd/{stem}.csv", {"anna": lambda t: 0.5})
    (fault,) = faults_of(corpus)
    assert fault == (
        "ratings/2nd/: '2nd': a dimension is named by lower-case letters, digits and underscores, a letter first; "
        "rename it"
    )
    (corpus / "ratings/2nd").rename(corpus / "ratings/second")
    assert (prepared(corpus) / "dimensions").read_text() == "arousal\nsecond\n"


def test_a_column_of_a_bad_name_is_one_fault_for_all_files(corpus):
    for path in sorted((corpus / "ratings/arousal").iterdir()):
        path.unlink()
        write_trace(corpus / f"ratings/{path.name}", {"big five": lambda t: 0.5, "arousal": lambda t: 0.5})
    (fault,) = faults_of(corpus)
    assert fault.startswith("ratings/a.csv: 'big five': a dimension is named by")
    assert fault.endswith("rename it in all files")
    for path in (corpus / "ratings").glob("*.csv"):
        edit(path, "big five", "big_five")
    prepared(corpus)


@pytest.mark.parametrize("option", [(), ("--dimension=arousal",)])
def test_columns_whose_names_become_one_are_a_fault_of_their_file(corpus, option):
    for path in sorted((corpus / "ratings/arousal").iterdir()):
        path.unlink()
        write_trace(corpus / f"ratings/{path.name}", {"Pull up": lambda t: 0.5, "Pull_up": lambda t: 0.5})
    edit(corpus / "ratings/a.csv", "Pull up,Pull_up", "arousal,Arousal")
    faults = faults_of(corpus, *option)
    if option:
        assert faults == [
            f"ratings/{stem}.csv: 'Pull up' and 'Pull_up' are one rater, Pull_up, since blanks become _; rename one"
            for stem in "bc"
        ]
    else:
        assert (
            "ratings/a.csv: the columns 'arousal' and 'Arousal' are one dimension, arousal, in lower case" in faults[0]
        )
    for path in (corpus / "ratings").glob("*.csv"):
        path.write_text("time,arousal,valence" + path.read_text()[path.read_text().index("\n") :])
    prepared(corpus, *option)


def test_folders_that_differ_in_case_are_one_fault_until_one_is_renamed(corpus):
    for stem in "abc":
        write_trace(corpus / f"ratings/Arousal/{stem}.csv", {"anna": lambda t: 0.5})
    assert faults_of(corpus) == [
        "ratings/Arousal/ and ratings/arousal/ are one dimension, arousal, since names are taken in lower case; rename "
        "or remove one of them"
    ]
    (corpus / "ratings/Arousal").rename(corpus / "ratings/valence")
    prepared(corpus)


def test_an_empty_file_of_ratings_is_not_missing(corpus):
    path = corpus / "ratings/arousal/b.csv"
    text = path.read_text()
    path.write_text("")
    assert faults_of(corpus) == ["ratings/arousal/b.csv: the file is empty; remove it or export it again"]
    path.write_text(text)
    prepared(corpus)


def test_hidden_files_are_left_alone(corpus, local):
    (corpus / "ratings/arousal/.DS_Store").write_bytes(b"\0\1")
    assert list(load(corpus, local).ratings) == ["arousal"]


def test_a_format_that_is_named_is_the_only_one(corpus, local):
    with pytest.raises(DataError, match="CARMA's row Second,Rating is missing"):
        load(corpus, local, format="carma")


def test_a_corpus_without_table_is_one_line(tmp_path):
    done = prepare(tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"{tmp_path}/recordings.csv does not exist" in done.stderr


# Sets


def make_recordings(speakers, seconds=10.0):
    """Recordings by id from names of speakers, one each or as many as a number after a colon."""
    recordings = {}
    for word in speakers.split():
        speaker, _, count = word.partition(":")
        for i in range(int(count or 1)):
            key = f"{speaker}{i}"
            recordings[key] = Recording(key, key, ROOT / "x.wav", speaker, "", 0.0, seconds, "recordings.csv:1")
    return recordings


def test_no_speaker_is_in_two_sets_and_shares_are_kept(local):
    recordings = make_recordings(" ".join(f"s{i}:2" for i in range(50)))
    sets = local[0].draw_sets(recordings, set(), 1)
    assert set(sets) == {recording.speaker for recording in recordings.values()}
    assert [sum(name == drawn for drawn in sets.values()) for name in ("train", "dev", "test")] == [30, 10, 10]


def make_speakers(*seconds):
    """One recording each of speakers s0, s1, ... of these durations."""
    recordings = {}
    for i, duration in enumerate(seconds):
        recordings |= make_recordings(f"s{i}", duration)
    return recordings


def shares_of(recordings, sets):
    """Shares of the duration by set."""
    total = sum(recording.duration for recording in recordings.values())
    return {
        name: round(sum(rec.duration for rec in recordings.values() if sets[rec.speaker] == name) / total, 2)
        for name in ("train", "dev", "test")
    }


@pytest.mark.parametrize("seed", range(5))
def test_speakers_of_unequal_durations_come_near_the_shares(local, seed):
    recordings = make_speakers(24, 101, 40, 33)
    sets = local[0].draw_sets(recordings, set(), seed)
    assert sets == {"s1": "train", "s2": "dev", "s3": "test", "s0": "train"}
    assert shares_of(recordings, sets) == {"train": 0.63, "dev": 0.2, "test": 0.17}
    assert local[0].describe_draw(recordings, sets) == []


@pytest.mark.parametrize("seed", range(5))
def test_one_who_speaks_most_is_in_train_and_a_note_says_what_it_comes_to(local, seed):
    recordings = make_speakers(6, 8, 9, 77)  # .77 of 100 s
    sets = local[0].draw_sets(recordings, set(), seed)
    assert sets["s3"] == "train"
    (note,) = local[0].describe_draw(recordings, sets)
    assert note == (
        "the draw of 4 speakers gives shares of the duration of train 0.77 dev 0.09 test 0.14, instead of train 0.60 "
        "dev 0.20 test 0.20; add speakers, or name the sets in a column set"
    )


def test_the_seed_decides(local):
    recordings = make_recordings(" ".join(f"s{i}" for i in range(20)))
    draws = [local[0].draw_sets(recordings, set(), seed) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_two_speakers_are_train_and_dev_and_one_is_too_few(local):
    sets = local[0].draw_sets(make_recordings("x:3 y"), set(), 1)
    assert sorted(sets.values()) == ["dev", "train"]
    with pytest.raises(DataError, match=r"1 speaker.*train and dev need one each"):
        local[0].draw_sets(make_recordings("x:3"), set(), 1)


def test_speakers_with_unrated_recordings_are_test(local):
    recordings = make_recordings("x:2 y z")
    sets = local[0].draw_sets(recordings, {"x1"}, 1)
    assert sets["x"] == "test"
    assert sorted([sets["y"], sets["z"]]) == ["dev", "train"]


def test_sets_are_drawn_where_the_table_names_none(corpus):
    write_table(corpus, "id,audio,speaker", "a,wav/a.wav,x", "b,wav/b.wav,x", "c,wav/c.wav,y")
    data = prepared(corpus)
    in_sets = [set(read_table(data / name / "utt2spk")) for name in ("train", "dev")]
    assert {"x-a", "x-b"} in in_sets
    assert {"y-c"} in in_sets
    assert not (data / "test").exists()


# run.sh


def test_run_takes_the_corpus_relative_to_the_callers_folder(tmp_path):
    done = step(ROOT / "egs/csv/run.sh", "--help")
    assert done.returncode == 0
    assert "--corpus DIR" in done.stdout
    done = step(ROOT / "egs/csv/run.sh", "--corpus", "gone", "--data", tmp_path / "data", "--exp", tmp_path / "exp")
    assert done.returncode == 1
    assert f"--corpus {ROOT}/gone" in done.stderr
