"""Slow random curves: the latent emotion behind the synthetic speech, and the noise of the raters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRAME_RATE = 25  # rows of ratings per second
LATENT_SECONDS = 3.0  # time constant of the latent emotion, which stays on one side of its mean for some seconds


def draw_slow_noise(rng: np.random.Generator, frames: int, seconds: float) -> NDArray[np.float64]:
    """Draw smooth stationary Gaussian noise that returns to its mean.

    White noise through two equal one-pole low-pass filters: unit variance, autocorrelation
    (1 + t/T) exp(-t/T) for the time constant T.

    Args:
        rng: source of randomness
        frames: length, in frames of 1 / FRAME_RATE seconds
        seconds: the time constant T

    Returns:
        shape (frames,)
    """
    run_out = round(20 * seconds * FRAME_RATE)  # filtering by FFT is circular; the seam is cut off
    white = rng.standard_normal(frames + run_out)
    omega = 2 * np.pi * np.fft.rfftfreq(len(white), 1 / FRAME_RATE)
    gain = 1 / (1 + (omega * seconds) ** 2)
    noise = np.fft.irfft(np.fft.rfft(white) * gain, len(white))[:frames]
    return noise / np.sqrt(1 / (4 * seconds * FRAME_RATE))


def draw_latent_emotion(rng: np.random.Generator, frames: int, *, lead: int) -> NDArray[np.float64]:
    """Draw one dimension of the emotion of one recording.

    The frames of the recording have mean 0 and variance 1, because features are normalised per
    utterance: no model could learn the mean or the spread of a recording from them.

    Args:
        rng: source of randomness
        frames: of the recording
        lead: frames before the recording, to which raters with a lag still respond

    Returns:
        shape (lead + frames,)
    """
    latent = draw_slow_noise(rng, lead + frames, LATENT_SECONDS)
    audible = latent[lead:]
    return (latent - audible.mean()) / audible.std()
