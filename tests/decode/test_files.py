"""The text files of stages 2 and 3, read back and refused."""

import kaldiio
import numpy as np
import pytest

from emoseq import DataError
from emoseq.decode.files import add_model_arguments, decoding_files, read_graph
from emoseq.io.matrix import read_matrix, write_matrix
from emoseq.labels.kmeans import read_centers
from emoseq.lm.regions import read_hazards, read_priors, read_transitions
from emoseq.recipe.options import Parser


def test_matrices_come_back_as_they_were(tmp_path):
    matrix = np.array([[0.25, 1e-9, 123456789.0], [1 / 3, -2.0, 0.0]])
    write_matrix(tmp_path / "x", matrix)
    np.testing.assert_allclose(read_matrix(tmp_path / "x"), matrix, rtol=1e-8)


def test_a_vector_is_written_as_one_row(tmp_path):
    write_matrix(tmp_path / "x", np.array([0.5, 0.25]))
    assert read_matrix(tmp_path / "x").tolist() == [[0.5, 0.25]]


def test_a_matrix_file_is_what_kaldiio_reads_after_a_key(tmp_path):
    write_matrix(tmp_path / "x", np.array([[0.5, 0.25], [1.0, 2.0]]))
    (tmp_path / "x.ark").write_text("key" + (tmp_path / "x").read_text())
    assert dict(kaldiio.load_ark(str(tmp_path / "x.ark")))["key"].tolist() == [[0.5, 0.25], [1.0, 2.0]]


def test_a_matrix_on_one_line_is_read(tmp_path):
    (tmp_path / "x").write_text(" [ 0.9 0.1\n 0.2 0.8 ]\n")
    assert read_matrix(tmp_path / "x").tolist() == [[0.9, 0.1], [0.2, 0.8]]


@pytest.mark.parametrize("text", ["", "0.9 0.1\n", "[ 1 2\n 3 ]\n", "[ a b ]\n", "[ 1 2\n"])
def test_what_is_no_matrix_is_an_error(tmp_path, text):
    (tmp_path / "x").write_text(text)
    with pytest.raises(DataError, match="x: not a matrix"):
        read_matrix(tmp_path / "x")


@pytest.mark.parametrize("function", [read_matrix, read_centers, read_transitions])
def test_a_file_that_is_not_there_is_an_error(tmp_path, function):
    with pytest.raises(DataError, match="x does not exist"):
        function(tmp_path / "x")


def test_centers_by_key_in_the_order_of_the_file(tmp_path):
    (tmp_path / "centers").write_text("K4 [ -1 0 1 2 ]\nK2 [ 0.5 0.75 ]\n")
    assert [(key, means.tolist()) for key, means in read_centers(tmp_path / "centers").items()] == [
        ("K4", [-1, 0, 1, 2]),
        ("K2", [0.5, 0.75]),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "K3 [ 1 2 ]\n",  # two means for three classes
        "K2 [ 2 1 ]\n",
        "K2 [ 1 1 ]\n",
        "four [ 1 2 3 4 ]\n",
        "K2 [\n 1 2 ]\n",  # a matrix
        "K2 [ a b ]\n",
    ],
)
def test_malformed_centers_are_errors(tmp_path, text):
    (tmp_path / "centers").write_text(text)
    with pytest.raises(DataError, match="centers: "):
        read_centers(tmp_path / "centers")


def written(path, rows):
    write_matrix(path, np.array(rows))
    return path


def test_transitions_are_read(tmp_path):
    assert read_transitions(written(tmp_path / "x", [[0.9, 0.1], [0.25, 0.75]])).tolist() == [[0.9, 0.1], [0.25, 0.75]]


@pytest.mark.parametrize(
    "rows", [[[0.9, 0.2], [0.5, 0.5]], [[1.5, -0.5], [0.5, 0.5]], [[0.5, 0.5]], [[-1e9, 0], [0, 1]]]
)
def test_what_is_no_transition_matrix_is_refused(tmp_path, rows):
    with pytest.raises(DataError, match=r"x: (rows must be probabilities|a matrix of shape)"):
        read_transitions(written(tmp_path / "x", rows))


def test_priors_are_a_vector(tmp_path):
    assert read_priors(written(tmp_path / "x", [0.75, 0.25]), 2).tolist() == [0.75, 0.25]


@pytest.mark.parametrize("row", [[0.5, 0.5], [0.5, 0.5, 0.5], [1.5, -0.5, 0.0]])
def test_what_are_no_priors_of_three_classes_is_refused(tmp_path, row):
    with pytest.raises(DataError, match="x: not 3 probabilities that sum to 1"):
        read_priors(written(tmp_path / "x", row), 3)


def test_hazards_have_a_row_for_each_class(tmp_path):
    assert read_hazards(written(tmp_path / "x", [[0.0, 0.5], [0.25, 1.0]]), 2).tolist() == [[0.0, 0.5], [0.25, 1.0]]


@pytest.mark.parametrize("rows", [[[0.5, 0.5]], [[0.5, 0.0], [0.5, 0.5]], [[0.5, 1.5], [0.5, 0.5]]])
def test_what_are_no_hazards_is_refused(tmp_path, rows):
    with pytest.raises(DataError, match="x: hazards"):
        read_hazards(written(tmp_path / "x", rows), 2)


def arguments(*words):
    parser = Parser(None)
    add_model_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def test_a_language_model_too_large_for_exact_search_points_to_the_beam(tmp_path):
    """A unigram of 300 classes, which needs more backpointers than a byte tells apart."""
    words = ["<s>", "</s>", *(f"r{k}" for k in range(300))]
    grams = "".join(f"-2.5\t{word}\n" for word in words)
    (tmp_path / "x.arpa").write_text(f"\\data\\\nngram 1={len(words)}\n\n\\1-grams:\n{grams}\n\\end\\\n")
    with pytest.raises(DataError, match=r"x\.arpa: 300 classes.*--search beam"):
        read_graph(arguments("--lm-weight", "1", written(tmp_path / "t", np.eye(300)), tmp_path / "x.arpa", "ark:-"))


def test_what_decoding_reads_of_a_dimension(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "centers").write_text("K2 [ 0.5 0.75 ]\n")
    names = [str(path.relative_to(tmp_path)) for path in decoding_files(tmp_path, [2, 3])]
    assert names == ["labels/centers", "lm/K2.trans", "lm/K2.hazards", "lm/K2.2gram.arpa", "lm/K2.3gram.arpa"]
