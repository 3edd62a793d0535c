"""Archives through kaldiio's own reader and writer, and files that must not be half written."""

import os
import pickle
import re
import subprocess
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile

from emoseq import DataError
from emoseq.io.archive import Scp, Writer, read, read_text, write_scp
from emoseq.io.files import replace_whole, write_text


class Command:
    """Unpickling this makes a file."""

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
def test_arrays_come_back_as_they_were(tmp_path, array, kind):
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


def test_kaldis_text_matrix_is_read(tmp_path):
    (tmp_path / "x.ark").write_text("utt  [\n  1 2\n  3 4.5 ]\n")
    assert dict(read(f"ark,t:{tmp_path}/x.ark"))["utt"].tolist() == [[1.0, 2.0], [3.0, 4.5]]


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


def test_whether_an_utterance_is_listed_can_be_asked(tmp_path):
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
        write("dev_1", np.zeros(3))
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


@pytest.mark.parametrize("kind", ["ark", "ark,t"])
def test_prose_is_no_archive(tmp_path, kind):
    (tmp_path / "x.ark").write_text("This is a text, [ not an archive\n")
    with pytest.raises(DataError, match=r"x\.ark: not a Kaldi archive"):
        list(read(f"{kind}:{tmp_path}/x.ark"))


def test_audio_in_an_scp_file_is_no_matrix(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 16000)
    (tmp_path / "wav.scp").write_text(f"dev_1 {tmp_path}/a.wav\n")
    with pytest.raises(DataError, match=r"wav\.scp: dev_1: .*a\.wav is no Kaldi matrix or vector"):
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


def test_a_command_is_no_place_to_write(tmp_path):
    with pytest.raises(DataError, match="is a command"):
        Writer("ark:| cat")
