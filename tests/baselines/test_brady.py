"""Dictionaries and codes of patches composed of known atoms."""

import numpy as np
import pytest

from emoseq.baselines.brady import encode_patches, learn_dictionary, pool_codes
from emoseq.baselines.options import BradyOptions
from emoseq.features.windows import compute_window_bounds

OPTIONS = BradyOptions(atoms=8, atom_patches=300, atom_sparsity=0.2, code_atoms=2)


@pytest.fixture(scope="module")
def patches():
    """Two recordings whose patches are one or two of six orthogonal atoms each."""
    random = np.random.default_rng(0)
    atoms = np.linalg.qr(random.normal(size=(12, 12)))[0][:6]
    codes = random.normal(size=(2, 200, 6)) * (random.random((2, 200, 6)) < 0.25)
    return list((codes @ atoms).astype(np.float32))


@pytest.fixture(scope="module")
def dictionary(patches):
    return learn_dictionary(patches, OPTIONS)


def test_a_dictionary_has_its_size_and_rows_of_length_1_at_most(dictionary):
    assert dictionary.shape == (8, 12)
    assert dictionary.dtype == np.float32
    assert np.linalg.norm(dictionary, axis=1).max() < 1 + 1e-5


def test_a_dictionary_is_the_same_every_time(patches, dictionary):
    assert np.array_equal(learn_dictionary(patches, OPTIONS), dictionary)


def test_fewer_patches_than_atoms_are_refused():
    with pytest.raises(ValueError, match="5 patches for 8 atoms"):
        learn_dictionary([np.ones((5, 12))], OPTIONS)


def test_codes_are_sparse_and_describe_most_of_a_patch(patches, dictionary):
    codes = encode_patches(patches[0], dictionary, 4)
    assert codes.shape == (200, 8)
    assert (codes != 0).sum(axis=1).max() <= 4
    assert np.var(patches[0] - codes @ dictionary) < 0.3 * np.var(patches[0])


def test_codes_of_orthogonal_atoms_are_the_largest_projections():
    patch = np.array([[0.5, -3.0, 2.0, 1.0]])
    assert encode_patches(patch, np.eye(4), 2).tolist() == [[0, -3, 2, 0]]


def test_pooled_codes_are_the_largest_magnitudes_and_the_means():
    codes = np.random.default_rng(1).normal(size=(30, 2)).astype(np.float32)
    windows = [codes[low:high] for low, high in zip(*compute_window_bounds(30, 0.4, frame_shift=0.04), strict=True)]
    expected = np.array([[*np.abs(rows).max(axis=0), *rows.mean(axis=0)] for rows in windows])
    expected = (expected - expected.mean(axis=0)) / expected.std(axis=0)
    np.testing.assert_allclose(pool_codes(codes, 0.4, frame_shift=0.04), expected, atol=1e-4)
