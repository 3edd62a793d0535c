"""Continuous emotion recognition from speech as sequence classification and decoding.

The method is from Le, Aldeneh and Mower Provost, "Discretized Continuous Speech Emotion Recognition with Multi-Task
Deep Recurrent Neural Network", Interspeech 2017. Docstrings cite its sections, equations and tables as "paper, Eq. 6".
"""

__version__ = "0.1.0"

SETS = ("train", "dev", "test")


class DataError(Exception):
    """Invalid user input; the message is one line that names file, utterance and fix."""


class MissingInputError(DataError):
    """Missing file that an earlier step writes; a dry run takes it for work to come and not for a fault."""
