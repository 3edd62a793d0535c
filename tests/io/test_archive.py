"""Archives against kaldiio's reader and writer, hostile archives, and files that must not be half written."""

import io
import json
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

from emoseq import DataError
from emoseq.io.archive import Scp, Writer, read, read_text, write_scp
from emoseq.io.files import replace_whole, write_text


class Command:
    """Unpickling an instance makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


ARRAYS = {
    "float matrix": np.array([[0.1, -2.5, 3e-5], [4.0, 5.5, -6e7]], dtype=np.float32),
    "double matrix": np.array([[0.1, 1 / 3], [-2e-9, 4.0]]),
    "one row": np.array([[1.5, 2.5]], dtype=np.float32),
    "float vector": np.array([0.25, -1.5, 3.0], dtype=np.float32),
    "int32 vector": np.array([0, 1, 2, 1], dtype=np.int32),
}
arrays = pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)


def specifiers(folder, kind):
    """Write and read specifier."""
    options, files = ("ark,scp", f"{folder}/x.ark,{folder}/x.scp") if kind == "scp" else (kind, f"{folder}/x.ark")
    return f"{options}:{files}", f"scp:{folder}/x.scp" if kind == "scp" else f"{kind}:{folder}/x.ark"


def assert_same(got, expected):
    assert (got.dtype.kind, got.shape) == (expected.dtype.kind, expected.shape)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@arrays
@pytest.mark.parametrize("kind", ["ark", "ark,t", "scp"])
def test_arrays_are_read_as_written(tmp_path, array, kind):
    wspecifier, rspecifier = specifiers(tmp_path, kind)
    with Writer(wspecifier) as write:
        write("dev_1", array)
        write("dev_2", array[::-1])
    got = list(read(rspecifier))
    assert [utterance for utterance, _ in got] == ["dev_1", "dev_2"]
    assert_same(got[0][1], array)
    assert_same(got[1][1], array[::-1])


@arrays
def test_binary_archives_are_what_kaldiio_reads(tmp_path, array):
    with Writer(f"ark:{tmp_path}/x.ark") as write:
        write("dev_1", array)
    ((utterance, got),) = kaldiio.load_ark(str(tmp_path / "x.ark"))
    assert utterance == "dev_1"
    assert np.array_equal(got, array)
    assert got.dtype == array.dtype


@arrays
def test_binary_archives_of_kaldiio_are_read(tmp_path, array):
    kaldiio.save_ark(str(tmp_path / "x.ark"), {"dev_1": array})
    assert_same(dict(read(f"ark:{tmp_path}/x.ark"))["dev_1"], array)


def test_offsets_of_an_scp_file_point_at_the_arrays(tmp_path):
    with Writer(f"ark,scp:{tmp_path}/x.ark,{tmp_path}/x.scp") as write:
        for name, array in ARRAYS.items():
            write(name.replace(" ", "_"), array)
    theirs = kaldiio.load_scp(str(tmp_path / "x.scp"))
    for name, array in ARRAYS.items():
        assert np.array_equal(theirs[name.replace(" ", "_")], array)


def test_paths_in_an_scp_file_are_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Writer("ark,scp:x.ark,x.scp") as write:
        write("dev_1", np.zeros(3, dtype=np.float32))
    assert (tmp_path / "x.scp").read_text() == f"dev_1 {tmp_path}/x.ark:6\n"


def test_text_form_of_an_integer_vector_has_no_brackets(tmp_path):
    with Writer(f"ark,t:{tmp_path}/x.ark") as write:
        write("utt", np.array([0, 1, 2], dtype=np.int32))
    assert (tmp_path / "x.ark").read_text() == "utt 0 1 2\n"


def test_text_form_of_a_float_vector(tmp_path):
    with Writer(f"ark,t:{tmp_path}/x.ark") as write:
        write("utt", np.array([0.5, -1.0]))
    assert re.fullmatch(r"utt +\[ 0\.5 -1(\.0)? \]\n", (tmp_path / "x.ark").read_text())


def test_a_text_matrix_may_begin_with_a_whole_number(tmp_path):
    (tmp_path / "x.ark").write_text("utt  [\n  1 0 \n  0.25 0.75 ]\n")
    assert dict(read(f"ark,t:{tmp_path}/x.ark"))["utt"].tolist() == [[1, 0], [0.25, 0.75]]


@pytest.mark.parametrize("first", ["0", "3e-05"])
def test_a_text_vector_may_begin_with_a_number_without_a_point(tmp_path, first):
    """Kaldi writes 0, and kaldiio itself 3e-05."""
    (tmp_path / "x.ark").write_text(f"utt  [ {first} 0.5 ]\n")
    assert dict(read(f"ark,t:{tmp_path}/x.ark"))["utt"].tolist() == pytest.approx([float(first), 0.5])


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("kind", ["ark", "scp"])
def test_short_label_sequences_end_an_archive(tmp_path, kind, length):
    wspecifier, rspecifier = specifiers(tmp_path, kind)
    with Writer(wspecifier) as write:
        write("dev_1", np.arange(length, dtype=np.int32))
    assert dict(read(rspecifier))["dev_1"].tolist() == list(range(length))


@pytest.mark.parametrize(
    "length",
    [1, 2, 3],
)
def test_short_label_sequences_end_a_text_archive(tmp_path, length):
    with Writer(f"ark,t:{tmp_path}/x.ark") as write:
        write("dev_1", np.arange(length, dtype=np.int32))
    assert dict(read(f"ark,t:{tmp_path}/x.ark"))["dev_1"].tolist() == list(range(length))


@pytest.mark.parametrize("kind", ["ark", "scp"])
def test_a_pickle_in_an_archive_is_refused_and_not_run(tmp_path, kind):
    (tmp_path / "x.ark").write_bytes(b"dev_1 PKL" + pickle.dumps(Command(tmp_path / "touched")))
    (tmp_path / "x.scp").write_text(f"dev_1 {tmp_path}/x.ark:6\n")
    with pytest.raises(DataError, match=r"x\.ark"):
        list(read(f"{kind}:{tmp_path}/x.{kind}"))
    assert not (tmp_path / "touched").exists()


def forge_forms(command):
    """Return formats that kaldiio reads, or might read, and that are not Kaldi's matrices and vectors."""
    pickled, numpy_file, wav, flac = pickle.dumps(command), io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(numpy_file, np.array([command], dtype=object), allow_pickle=True)
    soundfile.write(wav, np.zeros(50), 16000, format="WAV")
    soundfile.write(flac, np.zeros(50), 16000, format="FLAC")

    def add_length(data):
        return b"\2" + len(data).to_bytes(2, "little") + data

    return {
        "pickle": b"PKL" + pickled,
        "pickle after the binary mark": b"\0BPKL" + pickled,
        "pickle as a type": b"\0BPKL " + pickled,
        "numpy file": b"NPY" + add_length(numpy_file.getvalue()),
        "audio": b"AUDIO" + add_length(wav.getvalue()),
        "wav": wav.getvalue(),
        "flac": flac.getvalue(),
        "sparse matrix": b"\0BSM \4\1\0\0\0",
        "unknown type": b"\0BXM \4\1\0\0\0",
        "half a binary mark": b"\0",
        "negative size": b"\0BFM \4\xff\xff\xff\xff\4\xfb\xff\xff\xff" + bytes(20),
        "nothing": b"",
    }


@pytest.mark.parametrize("form", forge_forms(None))
@pytest.mark.parametrize("kind", ["ark", "ark,t", "scp"])
def test_only_kaldis_own_types_are_read(tmp_path, kind, form):
    (tmp_path / "x.ark").write_bytes(b"dev_1 " + forge_forms(Command(tmp_path / "touched"))[form])
    (tmp_path / "x.scp").write_text(f"dev_1 {tmp_path}/x.ark:6\n")
    with pytest.raises(DataError, match=r"x\.ark") as error:
        list(read(specifiers(tmp_path, kind)[1]))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "touched").exists()


# Entries, and the one file that each may open. By kaldiio's rules most of them point into x.ark or to y.ark.
HOSTILE = {
    "x.ark:+5": "x.ark:+5",
    "x.ark:-1": "x.ark:-1",
    "x.ark:0x5": "x.ark:0x5",
    "x.ark:0_5": "x.ark:0_5",
    "x.ark: 5": "x.ark: 5",
    "x.ark:5 ": "x.ark:5 ",
    "x.ark:\N{ARABIC-INDIC DIGIT FIVE}": "x.ark:\N{ARABIC-INDIC DIGIT FIVE}",
    "x.ark:5:5": "x.ark:5",
    "x.ark:5:": "x.ark:5:",
    "x.ark:5:+5": "x.ark:5:+5",
    "y.ark[0:1]:5": "y.ark[0:1]",
    "y.ark[0]:5:5": "y.ark[0]:5",
    "y.ark:5[0:1]": None,
    "y.ark:5[:,0:1]": None,
    "x.ark:5|": None,
    "cat x.ark |": None,
    "| cat x.ark": None,
    "-": None,
    "-:5": "-",
    "~": "~",
    "~:5": "~",
    "ark:x.ark:5": "ark:x.ark",
    "file:x.ark": "file:x.ark",
    "http://localhost/x.ark:5": "http://localhost/x.ark",
    ":5": ":5",
    "x.ark:99999999999999999999999": "x.ark",
}
RECORDER = """
import json, sys
from emoseq import DataError
from emoseq.io.archive import load_entry

events = []
WATCHED = ("open", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "pickle.find_class")
sys.addaudithook(lambda event, values: event in WATCHED and events.append([event, str(values[0])]))
results = []
for entry in ["warm-up:1", *json.load(sys.stdin)]:
    events.clear()
    try:
        outcome = load_entry(entry, "x.scp: dev_1").tolist()
    except DataError as error:
        outcome = str(error)
    results.append([outcome, list(events)])
print(json.dumps(results[1:]))
"""


def test_an_entry_opens_the_file_that_was_checked_and_no_other(tmp_path):
    """A matrix lies at bytes 0 and 5 of every file with a hostile name, a pickle at byte 5 of x.ark and in y.ark."""
    matrix = 2 * b"[\n1]\n"
    for name in filter(None, HOSTILE.values()):
        if "/" not in name:
            (tmp_path / name).write_bytes(matrix)
    pickled = b"PKL" + pickle.dumps(Command(tmp_path / "touched"))
    (tmp_path / "x.ark").write_bytes(b"dev_1" + pickled)
    (tmp_path / "y.ark").write_bytes(pickled)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", RECORDER],
        input=json.dumps(list(HOSTILE)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert not (tmp_path / "touched").exists()
    assert done.returncode == 0, done.stderr
    for (entry, path), (outcome, events) in zip(HOSTILE.items(), json.loads(done.stdout), strict=True):
        assert (entry, events) == (entry, [["open", path]] if path else [])
        readable = path is not None and "/" not in path and path != "x.ark"
        assert (entry, outcome == [[1]]) == (entry, readable)
        if not readable:
            assert outcome.startswith("x.scp: dev_1")
            assert "\n" not in outcome


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("x.ark:6[0:1]", "is a range; write these rows"),
        ("x.ark:6[0:1,2:3]", "is a range"),
        ("-", "is standard input; list a file"),
    ],
)
def test_an_entry_that_is_not_read_says_why(tmp_path, entry, message):
    (tmp_path / "x.scp").write_text(f"dev_1 {entry}\n")
    with pytest.raises(DataError, match=rf"x\.scp: dev_1: .*{message}"):
        list(read(f"scp:{tmp_path}/x.scp"))


def test_kaldis_text_matrix_is_read(tmp_path):
    (tmp_path / "x.ark").write_text("utt  [\n  1 2\n  3 4.5 ]\n")
    assert dict(read(f"ark,t:{tmp_path}/x.ark"))["utt"].tolist() == [[1.0, 2.0], [3.0, 4.5]]


@pytest.mark.parametrize(
    "text", ["  [\n  1 2\n  3 4 ]\n", " [ 1 2 ]\n", " 1 2\n"], ids=["matrix", "vector", "integers"]
)
def test_text_is_read_wherever_a_buffer_ends(tmp_path, text):
    entry = f"u {text}"
    for split in range(len(entry)):
        key = "x" * (io.DEFAULT_BUFFER_SIZE - len(" 0\n") - split)
        (tmp_path / "x.ark").write_text(f"{key} 0\n{entry}")
        values = dict(read(f"ark,t:{tmp_path}/x.ark"))["u"]
        assert values.ravel().tolist() == [1, 2, 3, 4][: values.size]
        assert values.ndim == (2 if "\n " in text else 1)


def test_write_scp_names_both_files_by_their_stem(tmp_path):
    write_scp(tmp_path / "dev.K4", {"u": np.array([1, 2], dtype=np.int32)})
    assert kaldiio.load_scp(str(tmp_path / "dev.K4.scp"))["u"].tolist() == [1, 2]
    assert (tmp_path / "dev.K4.ark").exists()


def test_nothing_is_left_when_writing_fails(tmp_path):
    def write_half():
        with Writer(f"ark,scp:{tmp_path}/x.ark,{tmp_path}/x.scp") as write:
            write("dev_1", np.zeros(3))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_old_files_stay_when_writing_fails(tmp_path):
    write_scp(tmp_path / "x", {"old": np.zeros(3)})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def write_half():
        with Writer(f"ark,scp:{tmp_path}/x.ark,{tmp_path}/x.scp") as write:
            write("new", np.ones(5))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_file_shows_before_the_block_ends(tmp_path):
    with Writer(f"ark,scp:{tmp_path}/x.ark,{tmp_path}/x.scp") as write:
        write("dev_1", np.zeros(3))
        assert not (tmp_path / "x.ark").exists()


def test_replacing_leaves_the_old_text_when_the_block_fails(tmp_path):
    (tmp_path / "x").write_text("old")

    def replace():
        with replace_whole(tmp_path / "x") as temporary:
            temporary.write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replace()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "old")]


def test_write_text_replaces_the_whole_file(tmp_path):
    (tmp_path / "x").write_text("a longer text")
    write_text(tmp_path / "x", "short\n")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "short\n")]


@pytest.mark.parametrize(
    "specifier", ["", "x.ark", "ark:", "scp:", ":x.ark", "arc:x.ark", "t:x.ark", "ark,scp:x.ark,x.scp", "ark,q:x.ark"]
)
def test_malformed_read_specifiers_are_errors(specifier):
    with pytest.raises(DataError, match="is not a read specifier"):
        list(read(specifier))


@pytest.mark.parametrize(
    "specifier", ["", "x.ark", "ark:", "scp:x.scp", "ark,scp:x.ark", "ark:x.ark,y.ark", "t:x.ark", "ark,q:x.ark"]
)
def test_malformed_write_specifiers_are_errors(specifier):
    with pytest.raises(DataError, match="is not a write specifier"):
        Writer(specifier)


def test_the_archive_comes_before_the_scp_file():
    with pytest.raises(DataError, match="archive first"):
        Writer("scp,ark:x.scp,x.ark")


@pytest.mark.parametrize(
    "utterance", ["", " ", "a b", "a\tb", "a\nb", "\n", "a\r", "a\0", "a\x1b[2J", "a\u2028b", "a\u00a0b", "\udcff"]
)
@pytest.mark.parametrize("kind", ["ark", "ark,t", "scp"])
def test_an_id_that_could_not_be_read_back_is_not_written(tmp_path, kind, utterance):
    def write_arrays():
        with Writer(specifiers(tmp_path, kind)[0]) as write:
            write("good", np.zeros(3))
            write(utterance, np.zeros(3))

    with pytest.raises(
        DataError, match=rf"x\.ark: {re.escape(repr(utterance))} is not a valid utterance id: it has"
    ) as error:
        write_arrays()
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["ark", "ark,t", "scp"])
def test_an_id_is_not_written_twice(tmp_path, kind):
    def write_arrays():
        with Writer(specifiers(tmp_path, kind)[0]) as write:
            for utterance in ("dev_1", "dev_2", "dev_1"):
                write(utterance, np.zeros(3))

    with pytest.raises(DataError, match=r"x\.ark: dev_1 comes twice"):
        write_arrays()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", ["x", "./x", "sub/../x", "link", "folder/x", "{folder}/x"])
def test_archive_and_scp_file_may_not_be_the_same(tmp_path, monkeypatch, other):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to("x")
    (tmp_path / "folder").symlink_to(tmp_path)
    for files in (f"x,{other}", f"{other},x"):
        with pytest.raises(DataError, match="are the same file"):
            Writer(f"ark,scp:{files.format(folder=tmp_path)}")


@pytest.mark.parametrize("files", ["-,-", "-,x.scp", "x.ark,-"])
def test_an_archive_with_an_scp_file_is_no_stream(files):
    with pytest.raises(DataError, match="cannot be standard output"):
        Writer(f"ark,scp:{files}")


def test_a_command_in_an_scp_file_is_refused_and_not_run(tmp_path):
    (tmp_path / "x.scp").write_text(f"dev_1 touch {tmp_path}/touched; cat {tmp_path}/x.ark |\n")
    with pytest.raises(DataError, match=r"x\.scp: dev_1: .* is a command"):
        list(read(f"scp:{tmp_path}/x.scp"))
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("kind", ["ark", "scp", "ark,t"])
def test_a_command_as_a_specifier_is_refused_and_not_run(tmp_path, kind):
    with pytest.raises(DataError, match="is a command"):
        list(read(f"{kind}:touch {tmp_path}/touched |"))
    assert not (tmp_path / "touched").exists()


def test_a_missing_archive_is_named_with_the_utterance(tmp_path):
    write_scp(tmp_path / "x", {"dev_1": np.zeros(3)})
    (tmp_path / "x.ark").unlink()
    with pytest.raises(DataError, match=r"x\.scp: dev_1: .*x\.ark:6 does not exist"):
        list(read(f"scp:{tmp_path}/x.scp"))


def test_an_utterance_that_is_not_listed_is_an_error(tmp_path):
    write_scp(tmp_path / "x", {"dev_1": np.zeros(3)})
    with pytest.raises(DataError, match=r"x\.scp: dev_2 is missing"):
        Scp(tmp_path / "x.scp")["dev_2"]


def test_an_unlisted_utterance_is_not_in_an_scp_file(tmp_path):
    write_scp(tmp_path / "x", {"dev_1": np.zeros(3)})
    assert "dev_2" not in Scp(tmp_path / "x.scp")


def test_length_of_an_scp_file_opens_no_archive(tmp_path):
    (tmp_path / "x.scp").write_text("dev_1 nowhere.ark:6\ndev_2 nowhere.ark:99\n")
    assert len(Scp(tmp_path / "x.scp")) == 2


def test_an_id_that_comes_twice_in_an_scp_file_is_an_error(tmp_path):
    (tmp_path / "x.scp").write_text("dev_1 x.ark:6\ndev_1 x.ark:50\n")
    with pytest.raises(DataError, match=r"x\.scp: dev_1 comes twice"):
        Scp(tmp_path / "x.scp")


@pytest.mark.parametrize("kind", ["ark", "ark,t"])
def test_an_id_that_comes_twice_in_an_archive_is_an_error(tmp_path, kind):
    with Writer(f"{kind}:{tmp_path}/x.ark") as write:
        write("dev_1", np.zeros(3))
    (tmp_path / "x.ark").write_bytes(2 * (tmp_path / "x.ark").read_bytes())
    with pytest.raises(DataError, match=r"x\.ark: dev_1 comes twice"):
        list(read(f"{kind}:{tmp_path}/x.ark"))


def test_a_line_without_a_file_is_named(tmp_path):
    (tmp_path / "x.scp").write_text("dev_1 x.ark:6\ndev_2\n")
    with pytest.raises(DataError, match=r"x\.scp:2: "):
        Scp(tmp_path / "x.scp")


@pytest.mark.parametrize("kind", ["ark", "scp"])
def test_a_file_that_is_not_there_is_an_error(tmp_path, kind):
    with pytest.raises(DataError, match=r"x\.ark does not exist"):
        list(read(f"{kind}:{tmp_path}/x.ark"))


@pytest.mark.parametrize("cut", [6, 8, 12, 15, 20, 30])
@pytest.mark.parametrize("kind", ["ark", "scp"])
def test_a_cut_archive_is_an_error_that_names_the_utterance(tmp_path, kind, cut):
    """The last utterance begins at `whole` bytes and has lost its end."""
    wspecifier, _ = specifiers(tmp_path, "scp")
    with Writer(wspecifier) as write:
        write("dev_1", ARRAYS["float matrix"])
        write("dev_2", ARRAYS["float matrix"])
    content = (tmp_path / "x.ark").read_bytes()
    whole = len(content) // 2
    (tmp_path / "x.ark").write_bytes(content[: whole + cut])
    with pytest.raises(DataError, match=r"dev_[12]") as error:
        list(read(f"{kind}:{tmp_path}/x.{kind}"))
    assert "\n" not in str(error.value)


@arrays
@pytest.mark.parametrize("kind", ["ark", "scp"])
def test_an_archive_cut_at_any_byte_is_an_error(tmp_path, kind, array):
    """Even where whole numbers are left, a shorter vector must not be taken for the whole one."""
    wspecifier, rspecifier = specifiers(tmp_path, kind)
    with Writer(wspecifier) as write:
        write("u", array)
    content = (tmp_path / "x.ark").read_bytes()
    for length in range(1, len(content)):
        (tmp_path / "x.ark").write_bytes(content[:length])
        with pytest.raises(DataError, match=r"x\.ark"):
            list(read(rspecifier))


@pytest.mark.parametrize("method", [2, 3, 5])
@pytest.mark.parametrize("kind", ["ark", "scp"])
def test_compressed_matrices_are_read(tmp_path, kind, method):
    """Kaldi's CM, CM2 and CM3."""
    matrix = np.linspace(0, 1, 60, dtype=np.float32).reshape(20, 3)
    kaldiio.save_ark(f"{tmp_path}/x.ark", {"u": matrix}, scp=f"{tmp_path}/x.scp", compression_method=method)
    np.testing.assert_allclose(dict(read(f"{kind}:{tmp_path}/x.{kind}"))["u"], matrix, atol=0.02)


@pytest.mark.parametrize("kind", ["ark", "ark,t"])
def test_prose_is_no_archive(tmp_path, kind):
    (tmp_path / "x.ark").write_text("This is a text, [ not an archive\n")
    with pytest.raises(DataError, match=r"x\.ark: not a Kaldi archive"):
        list(read(f"{kind}:{tmp_path}/x.ark"))


def test_audio_in_an_scp_file_is_no_matrix(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 16000)
    (tmp_path / "wav.scp").write_text(f"dev_1 {tmp_path}/a.wav\n")
    with pytest.raises(DataError, match=r"wav\.scp: dev_1: .*a\.wav is not a Kaldi matrix or vector"):
        list(read(f"scp:{tmp_path}/wav.scp"))


def test_a_text_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match="x does not exist"):
        read_text(tmp_path / "x")


def test_a_binary_file_is_no_text(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="x is not a text file"):
        read_text(tmp_path / "x")


def test_a_named_pipe_is_written_to_and_not_replaced(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE)
    with Writer(f"ark,t:{fifo}") as write:
        write("dev_1", np.array([0, 3], dtype=np.int32))
    assert reader.communicate(timeout=10)[0] == b"dev_1 0 3\n"
    assert fifo.is_fifo()


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with Writer(f"ark,t:{tmp_path}/link") as write:
        write("dev_1", np.array([0, 3], dtype=np.int32))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "dev_1 0 3\n"


def test_a_command_as_a_write_specifier_is_refused(tmp_path):
    with pytest.raises(DataError, match="is a command"):
        Writer("ark:| cat")
