"""Data directories: reading, splitting and fixing tables, and every fault that validation reports."""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from emoseq import DataError
from emoseq.io.audio import read_audio
from emoseq.io.datadir import fix, read_recordings, read_table, split, write_table
from emoseq.io.validate import validate

IDS = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z"]), min_size=1).filter(str.isprintable)
VALUES = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z"]), min_size=1)


def script(name: str, *words: str) -> subprocess.CompletedProcess:
    environment = os.environ | {
        "EMOSEQ_ROOT": str(ROOT),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    command = [sys.executable, str(ROOT / "utils" / name), *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def write_archive(folder: Path, name: str, arrays: dict) -> None:
    kaldiio.save_ark(str(folder / f"{name}.ark"), arrays, scp=str(folder / f"{name}.scp"))


@pytest.fixture
def data(tmp_path) -> Path:
    """Three utterances of two speakers with features, labels and statistics."""
    folder = tmp_path / "train"
    folder.mkdir()
    frames = {"a-1": 25, "a-2": 50, "b-1": 75}
    rng = np.random.default_rng(0)
    for utterance, count in frames.items():
        soundfile.write(tmp_path / f"{utterance}.wav", rng.uniform(-1, 1, count * 640), 16000)
    lines = {
        "wav.scp": [f"{u} {tmp_path / u}.wav" for u in frames],
        "utt2spk": [f"{u} {u[0]}" for u in frames],
        "spk2utt": ["a a-1 a-2", "b b-1"],
        "utt2dur": [f"{u} {count * 0.04:.2f}" for u, count in frames.items()],
        "utt2num_frames": [f"{u} {count}" for u, count in frames.items()],
        "frame_shift": ["0.040"],
    }
    for name, content in lines.items():
        (folder / name).write_text("".join(f"{line}\n" for line in content))
    write_archive(folder, "feats", {u: rng.random((n, 6), dtype=np.float32) for u, n in frames.items()})
    write_archive(folder, "cmvn", {u: rng.random((2, 7)) for u in frames})
    write_archive(folder, "arousal", {u: rng.random(n, dtype=np.float32) for u, n in frames.items()})
    write_archive(folder, "ratings.arousal", {"b-1": rng.random((75, 3), dtype=np.float32)})
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def fault(folder: Path, **options) -> str:
    with pytest.raises(DataError) as caught:
        validate(folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "").replace(f"{folder.parent}/", "../")


# Tables


@given(st.dictionaries(IDS, VALUES, min_size=1))
def test_a_table_is_read_as_written(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("table") / "utt2spk"
    write_table(path, table)
    assert read_table(path) == table


@given(st.sets(IDS, min_size=2))
def test_a_table_is_sorted_as_sort_does(tmp_path_factory, ids):
    path = tmp_path_factory.mktemp("table") / "utt2spk"
    write_table(path, dict.fromkeys(ids, "x"))
    names = path.with_name("ids")
    names.write_text("".join(f"{i}\n" for i in ids))
    ordered = subprocess.run(["sort", str(names)], env=os.environ | {"LC_ALL": "C"}, capture_output=True)
    assert [line.rpartition(b" ")[0] for line in path.read_bytes().splitlines()] == ordered.stdout.splitlines()


def test_a_value_may_hold_blanks(tmp_path):
    (tmp_path / "wav.scp").write_text("a  sox in.wav  -t wav - | \n")
    assert read_table(tmp_path / "wav.scp") == {"a": "sox in.wav  -t wav - |"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a 1\r\nb 2\r\n", ":1: carriage return at the end of the line; run utils/fix_data_dir.py"),
        (b"a 1\nb 2", ": the last line has no newline"),
        (b"b 1\na 2\n", ":2: a: comes after b, not in the order of LC_ALL=C"),
        (b"a_1 1\na-2 1\n", ":2: a-2: comes after a_1"),
        (b"a 1\nB 2\n", ":2: B: comes after a"),
        (b"a 1\na 2\n", ":2: a: comes twice"),
        (b"a 1\na 1\n", ":2: a: comes twice"),
        (b"a 1\n\nb 2\n", ":2: blank line"),
        (b"a\t1\n", ":1: a: tab after the id"),
        (b" a 1\n", ":1: a: blank before the id"),
        (b"a\n", ":1: a: no value after the id"),
        (b"a \n", ":1: a: no value after the id"),
        ("a\N{NO-BREAK SPACE}b 1\n".encode(), r":1: 'a\xa0b': white space or a control character in the id"),
        (b"\xef\xbb\xbfa 1\n", r":1: '\ufeffa': white space or a control character"),
        (b"a 1\n\xff 2\n", ":2: not UTF-8"),
        (b"", " is empty"),
        (b"\n", " is empty"),
        (None, " does not exist"),
    ],
)
def test_a_malformed_table_is_refused(tmp_path, content, complaint):
    path = tmp_path / "utt2spk"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(f"{path}{complaint}")):
        read_table(path)


@pytest.mark.parametrize("table", [{"a b": "1"}, {"": "1"}, {"a\n": "1"}, {"a": ""}, {"a": "1\n2"}, {"a": " 1"}])
def test_a_table_that_could_not_be_read_is_not_written(tmp_path, table):
    with pytest.raises(ValueError, match="cannot be"):
        write_table(tmp_path / "x", table)
    assert not list(tmp_path.iterdir())


def test_reading_a_table_imports_neither_numpy_nor_kaldiio():
    code = "import sys, emoseq.io.datadir; print({'numpy', 'kaldiio', 'soundfile'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# Splitting


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [(1, [["a-1", "a-2", "b-1"]]), (2, [["a-1"], ["a-2", "b-1"]]), (7, [["a-1"], ["a-2"], ["b-1"]])],
)
def test_a_split_is_contiguous_and_even(data, pieces, expected):
    assert [list(read_table(piece / "utt2spk")) for piece in split(data, pieces)] == expected


def test_pieces_have_kaldis_names(data):
    assert split(data, 2) == [data / "split2" / "1", data / "split2" / "2"]


def test_a_piece_holds_its_lines_of_every_table(data):
    piece = split(data, 3)[1]
    for name in ("wav.scp", "utt2dur", "utt2num_frames", "feats.scp", "arousal.scp"):
        line = next(line for line in (data / name).read_text().splitlines() if line.startswith("a-2 "))
        assert (piece / name).read_text() == f"{line}\n"
    assert (piece / "spk2utt").read_text() == "a a-2\n"
    assert list(read_table(piece / "cmvn.scp")) == ["a-2"]
    assert (piece / "frame_shift").read_text() == "0.040\n"


def test_a_table_without_an_utterance_of_the_piece_is_left_out(data):
    assert [(piece / "ratings.arousal.scp").exists() for piece in split(data, 3)] == [False, False, True]


def test_pieces_are_valid(data):
    assert [validate(piece).utterances for piece in split(data, 2)] == [1, 2]


def test_a_split_forgets_an_older_one(data):
    split(data, 3)
    for name in ("utt2spk", "wav.scp"):
        (data / name).write_text("".join((data / name).read_text().splitlines(keepends=True)[:2]))
    (data / "arousal.scp").unlink()
    assert len(split(data, 3)) == 2
    assert sorted(path.name for path in (data / "split3").iterdir()) == ["1", "2"]
    assert not (data / "split3" / "1" / "arousal.scp").exists()


def test_the_same_split_again_leaves_files_alone(data):
    before = [(piece / "utt2spk").stat().st_ino for piece in split(data, 2)]
    assert [(piece / "utt2spk").stat().st_ino for piece in split(data, 2)] == before


# Mending


def test_fix_keeps_utterances_that_are_in_all_tables(data):
    edit(data / "wav.scp", "a-1", "a-0")
    assert fix(data) == (2, 4)
    for name in ("wav.scp", "utt2spk", "feats.scp", "utt2dur", "utt2num_frames", "arousal.scp"):
        assert list(read_table(data / name)) == ["a-2", "b-1"]
    assert (data / "spk2utt").read_text() == "a a-2\nb b-1\n"
    assert validate(data).utterances == 2


@pytest.mark.parametrize(
    "content",
    [
        "b-1 b\na-2 a\na-1 a\n",
        "a-1 a\r\na-2 a\r\nb-1 b\r\n",
        "a-1 a\na-2 a\nb-1 b",
        "a-1\ta\n a-2  a \n\n\r\nb-1 b\nb-1 b\n",
    ],
)
def test_fix_repairs_the_form_of_a_table(data, content):
    good = (data / "utt2spk").read_text()
    (data / "utt2spk").write_bytes(content.encode())
    assert fix(data) == (3, 3)
    assert (data / "utt2spk").read_text() == good


def test_fix_keeps_the_originals(data):
    (data / "utt2spk").write_text("b-1 b\na-2 a\na-1 a\n")
    fix(data)
    fix(data)
    assert [path.name for path in (data / ".backup").iterdir()] == ["utt2spk"]
    assert (data / ".backup" / "utt2spk").read_text() == "b-1 b\na-2 a\na-1 a\n"


def test_fix_leaves_no_empty_table(data):
    edit(data / "wav.scp", "b-1", "c-1")
    fix(data)
    assert not (data / "ratings.arousal.scp").exists()


def test_fix_does_not_choose_between_two_values(data):
    (data / "utt2spk").write_text("a-1 a\na-1 b\n")
    with pytest.raises(DataError, match="utt2spk:2: a-1: comes twice"):
        fix(data)


def test_fix_changes_nothing_where_nothing_would_be_left(data):
    (data / "wav.scp").write_text("z x.wav\n")
    before = {path: path.read_bytes() for path in data.iterdir()}
    with pytest.raises(DataError, match="no utterance"):
        fix(data)
    assert {path: path.read_bytes() for path in data.iterdir()} == before


# Validating


def test_a_valid_directory_is_summarised(data):
    assert str(validate(data)) == "3 utterances, 0.00 h, features, arousal, ratings.arousal"


@pytest.mark.parametrize("name", ["utt2spk", "spk2utt", "wav.scp", "feats.scp"])
def test_a_missing_file_is_named(data, name):
    (data / name).unlink()
    assert fault(data).startswith(f"{name} does not exist; run")


def test_features_may_be_missing_on_request(data):
    (data / "feats.scp").unlink()
    assert validate(data, features=False).kinds == ("arousal", "ratings.arousal")


@pytest.mark.parametrize("name", ["cmvn.scp", "utt2dur", "utt2num_frames", "frame_shift", "arousal.scp"])
def test_other_files_may_be_missing(data, name):
    kinds = validate(data).kinds
    (data / name).unlink()
    assert validate(data).kinds == tuple(kind for kind in kinds if f"{kind}.scp" != name)


@pytest.mark.parametrize("name", ["wav.scp", "feats.scp", "utt2dur", "utt2num_frames", "arousal.scp", "cmvn.scp"])
def test_a_missing_id_is_named(data, name):
    lines = (data / name).read_text().splitlines(keepends=True)
    (data / name).write_text("".join(lines[:-1]))
    assert fault(data).startswith(f"{name}: {lines[-1].split()[0]}: missing")


@pytest.mark.parametrize("name", ["wav.scp", "feats.scp", "utt2dur", "ratings.arousal.scp", "cmvn.scp"])
def test_a_superfluous_id_is_named(data, name):
    (data / name).write_text((data / name).read_text() + "z x\n")
    assert fault(data).startswith(f"{name}: z: not in utt2spk")


def test_speakers_are_prefixes(data):
    edit(data / "utt2spk", "a-2 a", "a-2 b")
    assert "a-2: does not begin with its speaker b" in fault(data)


def test_speakers_are_sorted_with_utterances(data):
    (data / "utt2spk").write_text("a a\na-b a-b\na-c a\n")
    assert "a-c: its speaker a comes after a-b" in fault(data)


def test_an_utterance_may_be_its_own_speaker(data):
    ids = ["train_1", "train_10", "train_2"]
    for old, new in zip(["a-1", "a-2", "b-1"], ids, strict=True):
        for path in data.glob("*.scp"):
            path.write_text(path.read_text().replace(f"{old} ", f"{new} "))
    for name in ("utt2dur", "utt2num_frames", "cmvn.scp"):
        (data / name).unlink()
    for name in ("utt2spk", "spk2utt"):
        (data / name).write_text("".join(f"{i} {i}\n" for i in ids))
    assert validate(data).utterances == 3


@pytest.mark.parametrize("content", ["a a-1\nb b-1\n", "a a-2 a-1\nb b-1\n", "a a-1 a-2\n", "a a-1 a-2\nb b-1\nc x\n"])
def test_spk2utt_is_the_inverse(data, content):
    (data / "spk2utt").write_text(content)
    assert "not the inverse of utt2spk" in fault(data)


@pytest.mark.parametrize("name", ["utt2dur", "utt2num_frames"])
@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "long"])
def test_numbers_are_positive(data, name, text):
    edit(data / name, (data / name).read_text().splitlines()[0], f"a-1 {text}")
    assert fault(data).startswith(f"{name}: a-1: '{text}' is not a positive")


def test_the_frame_shift_is_a_number(data):
    (data / "frame_shift").write_text("40 ms\n")
    assert fault(data) == "frame_shift: '40 ms' is not a positive number"


def test_audio_must_exist(data):
    (data.parent / "a-2.wav").unlink()
    assert fault(data) == "wav.scp: a-2: ../a-2.wav does not exist"


def test_audio_must_be_audio(data):
    (data.parent / "a-2.wav").write_bytes(b"")
    assert fault(data) == "wav.scp: a-2: ../a-2.wav is not an audio file (0 bytes); copy it again"


def test_audio_must_hold_samples(data):
    soundfile.write(data.parent / "a-2.wav", np.zeros(0), 16000)
    assert "a-2.wav holds no samples" in fault(data)


def test_audio_must_have_the_duration_of_utt2dur(data):
    edit(data / "utt2dur", "a-2 2.00", "a-2 3.00")
    assert fault(data) == "wav.scp: a-2: ../a-2.wav lasts 2.00 s and utt2dur has 3 s"


@pytest.mark.parametrize("name", ["wav.scp", "feats.scp", "arousal.scp", "cmvn.scp"])
@pytest.mark.parametrize("command", ["touch {evil} |", "| touch {evil}", "touch {evil} |:12"])
def test_a_command_is_refused_and_not_run(data, name, command):
    evil = data / "evil"
    first = (data / name).read_text().splitlines()[0]
    edit(data / name, first, f"{first.split()[0]} {command.format(evil=evil)}")
    assert "is a command" in fault(data)
    assert not evil.exists()


def test_a_command_in_wav_scp_is_allowed_on_request_and_not_run(data):
    edit(data / "wav.scp", f"{data.parent}/a-1.wav", f"touch {data}/evil |")
    assert validate(data, allow_pipes=True).seconds == pytest.approx(6.0)
    assert not (data / "evil").exists()


def test_a_command_in_feats_scp_is_never_allowed(data):
    edit(data / "feats.scp", (data / "feats.scp").read_text().split()[1], "cat x |")
    assert "is a command" in fault(data, allow_pipes=True)


class Evil:
    def __reduce__(self):
        return os.mkdir, (str(Path(os.environ["EVIL"])),)


def test_a_pickle_is_not_opened(data, monkeypatch):
    monkeypatch.setenv("EVIL", str(data / "evil"))
    (data / "x.ark").write_bytes(b"PKL" + pickle.dumps(Evil()))
    edit(data / "feats.scp", (data / "feats.scp").read_text().split()[1], str(data / "x.ark"))
    assert "is not a Kaldi matrix or vector" in fault(data)
    assert not (data / "evil").exists()


@pytest.mark.parametrize(("name", "entry"), [("x.ark:+5", "x.ark:+5"), ("y.ark[0:1]", "y.ark[0:1]:5")])
def test_the_validator_runs_no_pickle_behind_a_harmless_file(data, monkeypatch, name, entry):
    """kaldiio takes the entries for byte 5 of x.ark and rows of y.ark; the file that the entry names is a matrix."""
    monkeypatch.setenv("EVIL", str(data / "evil"))
    (data / "x.ark").write_bytes(b"dev_1PKL" + pickle.dumps(Evil()))
    (data / "y.ark").write_bytes(b"PKL" + pickle.dumps(Evil()))
    (data / name).write_text(2 * "[\n1]\n")
    edit(data / "feats.scp", (data / "feats.scp").read_text().split()[1], f"{data}/{entry}")
    done = script("validate_data_dir.py", str(data))
    assert not (data / "evil").exists()
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize("name", ["feats", "arousal", "cmvn"])
def test_a_missing_archive_is_named(data, name):
    (data / f"{name}.ark").unlink()
    assert re.match(rf"{name}\.scp: a(-1)?: {name}\.ark:\d+ does not exist", fault(data))


def test_a_cut_off_archive_is_found(data):
    with open(data / "feats.ark", "r+b") as stream:
        stream.truncate(os.path.getsize(data / "feats.ark") - 4)
    assert re.match(r"feats\.scp: b-1: feats\.ark:\d+ is not a Kaldi matrix", fault(data))


def test_a_wrong_offset_is_found(data):
    path = data / "arousal.scp"
    path.write_text(re.sub(r":(\d+)", lambda m: f":{int(m[1]) + 1}", path.read_text(), count=1))
    assert "is not a Kaldi matrix" in fault(data)


def test_an_archive_in_text_is_read(data):
    arrays = kaldiio.load_scp(str(data / "arousal.scp"))
    with open(data / "text.ark", "w") as ark, open(data / "arousal.scp", "w") as scp:
        for utterance in sorted(arrays):
            ark.write(f"{utterance} ")
            scp.write(f"{utterance} {data / 'text.ark'}:{ark.tell()}\n")
            ark.write(f" [ {' '.join(map(str, arrays[utterance]))} ]\n")
    assert "arousal" in validate(data).kinds


@pytest.mark.parametrize("name", ["feats", "arousal", "ratings.arousal", "cmvn"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_are_finite(data, name, value):
    """NaN in ratings and gold standards is a frame that nobody has rated."""
    arrays = {key: np.array(array) for key, array in kaldiio.load_scp(str(data / f"{name}.scp")).items()}
    key = max(arrays)
    arrays[key][1] = value
    write_archive(data, name, arrays)
    if np.isnan(value) and name.endswith("arousal"):
        assert validate(data).utterances == 3
    else:
        assert re.match(rf"{re.escape(name)}\.scp: {key}: .* holds {value} in row 1", fault(data))


@pytest.fixture
def segmented(data) -> Path:
    """The same utterances as stretches of two recordings."""
    samples = [soundfile.read(data.parent / f"{utt}.wav")[0] for utt in ("a-1", "a-2")]
    soundfile.write(data.parent / "long.wav", np.concatenate(samples), 16000)
    (data / "wav.scp").write_text(f"b {data.parent}/b-1.wav\nlong {data.parent}/long.wav\n")
    (data / "segments").write_text("a-1 long 0 1\na-2 long 1.0 3.0\nb-1 b 0 3\n")
    return data


def test_segments_are_stretches_of_recordings(segmented):
    assert validate(segmented).seconds == pytest.approx(6)
    recordings = read_recordings(segmented)
    assert recordings["a-2"] == (f"{segmented.parent}/long.wav", 1.0, 3.0)
    samples, rate = read_audio(*recordings["a-2"])
    assert rate == 16000
    np.testing.assert_array_equal(samples, soundfile.read(segmented.parent / "a-2.wav", dtype="float32")[0])


def test_a_piece_holds_the_recordings_of_its_segments(segmented):
    pieces = split(segmented, 3)
    assert [list(read_table(piece / "segments")) for piece in pieces] == [["a-1"], ["a-2"], ["b-1"]]
    assert [list(read_table(piece / "wav.scp")) for piece in pieces] == [["long"], ["long"], ["b"]]


def test_fixing_keeps_segments_whose_recording_is_there(segmented):
    (segmented / "wav.scp").write_text(f"long {segmented.parent}/long.wav\n")
    assert fix(segmented) == (2, 3)
    assert validate(segmented).utterances == 2


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("a-2 long 1.0", "not `<recording> <start> <end>`"),
        ("a-2 other 1.0 3.0", "other is not in wav.scp"),
        ("a-2 long 3.0 1.0", "no stretch of time"),
        ("a-2 long -1 3.0", "no stretch of time"),
        ("a-2 long 1.0 nan", "no stretch of time"),
        ("a-2 long 1.0 9.0", "ends at 9 s, but long lasts 3.00 s"),
    ],
)
def test_a_malformed_segment_is_one_line(segmented, line, complaint):
    text = (segmented / "segments").read_text().replace("a-2 long 1.0 3.0", line)
    (segmented / "segments").write_text(text)
    message = fault(segmented)
    assert "a-2" in message or "wav.scp: other" in message
    assert complaint in message or "wav.scp: other: missing" in message


@pytest.mark.parametrize("name", ["arousal", "ratings.arousal"])
@pytest.mark.parametrize("difference", [-3, -2, 2, 3])
def test_labels_may_differ_from_features_by_two_frames(data, name, difference):
    arrays = dict(kaldiio.load_scp(str(data / f"{name}.scp")))
    arrays["b-1"] = np.resize(arrays["b-1"], (75 + difference, *arrays["b-1"].shape[1:]))
    write_archive(data, name, arrays)
    if abs(difference) <= 2:
        validate(data)
    else:
        assert f"has {75 + difference} frames and utt2num_frames 75; at most 2" in fault(data)


def test_descriptors_are_matrices_of_as_many_frames_as_the_features(data):
    matrices = {utt: np.zeros((frames, 100), np.float32) for utt, frames in (("a-1", 25), ("a-2", 50), ("b-1", 75))}
    write_archive(data, "egemaps", matrices)
    assert "egemaps" in validate(data).kinds
    write_archive(data, "egemaps", matrices | {"b-1": np.zeros((72, 100), np.float32)})
    assert "has 72 frames and utt2num_frames 75" in fault(data)
    write_archive(data, "egemaps", matrices | {"b-1": np.zeros(75, np.float32)})
    assert "has 1 dimension(s), not 2" in fault(data)


def test_labels_are_compared_without_features_as_well(data):
    for name in ("feats.scp", "utt2num_frames"):
        (data / name).unlink()
    write_archive(data, "ratings.arousal", {"b-1": np.zeros((70, 3), dtype=np.float32)})
    assert "has 70 frames and arousal.scp 75" in fault(data, features=False)


def test_utt2num_frames_is_exact(data):
    edit(data / "utt2num_frames", "a-2 50", "a-2 51")
    assert "has 50 frames and utt2num_frames 51" in fault(data)


@pytest.mark.parametrize(
    ("name", "array", "complaint"),
    [
        ("feats", np.zeros(75, dtype=np.float32), "has 1 dimension(s), not 2"),
        ("feats", np.zeros((75, 5), dtype=np.float32), "has 5 columns and the utterance before it 6"),
        ("arousal", np.zeros((75, 1), dtype=np.float32), "has 2 dimension(s), not 1"),
        ("arousal", np.zeros(0, dtype=np.float32), "is empty"),
    ],
)
def test_shapes_are_checked(data, name, array, complaint):
    write_archive(data, name, dict(kaldiio.load_scp(str(data / f"{name}.scp"))) | {"b-1": array})
    assert complaint in fault(data)


@pytest.mark.parametrize("shape", [(2, 6), (3, 7)])
def test_statistics_fit_the_features(data, shape):
    write_archive(data, "cmvn", {"a-1": np.ones(shape), "a-2": np.ones((2, 7)), "b-1": np.ones((2, 7))})
    assert f"has shape {shape}, not (2, 6 + 1)" in fault(data)


# The scripts


def test_the_validator_prints_a_summary(data):
    done = script("validate_data_dir.py", str(data))
    assert (done.returncode, done.stderr) == (0, "")
    summary = "3 utterances, 0.00 h, features, arousal, ratings.arousal"
    assert done.stdout == f"utils/validate_data_dir.py: {data}: {summary}: valid\n"


def test_the_validator_reports_a_fault_on_one_line(data):
    (data / "feats.scp").unlink()
    done = script("validate_data_dir.py", str(data))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"utils/validate_data_dir.py: {data}/feats.scp does not exist")


def test_the_validator_takes_kaldis_options(data):
    (data / "feats.scp").unlink()
    edit(data / "wav.scp", f"{data.parent}/a-1.wav", "cat x |")
    assert script("validate_data_dir.py", "--no-feats", "--allow-pipes=true", str(data)).returncode == 0


def test_fix_data_dir_counts_what_it_kept(data):
    edit(data / "wav.scp", "a-1", "a-0")
    assert script("fix_data_dir.py", str(data)).stdout == (f"utils/fix_data_dir.py: {data}: kept 2 of 4 utterances\n")


def test_split_data_says_where_the_pieces_are(data):
    assert script("split_data.py", str(data), "2").stdout == (
        f"utils/split_data.py: {data}: 2 pieces in {data}/split2\n"
    )


def test_split_data_requires_a_positive_number(data):
    assert script("split_data.py", str(data), "0").returncode == 2
