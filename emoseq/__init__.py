"""Continuous emotion recognition from speech as sequence classification and decoding.

The method is that of Le, Aldeneh and Mower Provost, "Discretized Continuous Speech Emotion
Recognition with Multi-Task Deep Recurrent Neural Network", Interspeech 2017; docstrings cite its
sections, equations and tables as "paper, Eq. 6".
"""

__version__ = "0.1.0"

DIMENSIONS = ("arousal", "valence")
SETS = ("train", "dev", "test")


class DataError(Exception):
    """Input that a user has to mend: one line that names the file, the utterance and the mend."""
