"""Slow random curves: the synthetic emotion that is spoken, and what raters add to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRAME_RATE = 25  # rows of a rating a second
LATENT_SECONDS = 3.0  # time constant of the latent emotion: it stays on one side of its mean for some seconds


def slow_noise(rng: np.random.Generator, frames: int, seconds: float) -> NDArray[np.float64]:
    """Smooth stationary Gaussian noise that returns to its mean.

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


def latent_emotion(rng: np.random.Generator, frames: int, *, lead: int) -> NDArray[np.float64]:
    """One dimension of the emotion of one recording.

    The frames of the recording have mean 0 and variance 1, because features are normalised per
    utterance: what a whole recording has in common could not be learnt from them.

    Args:
        rng: source of randomness
        frames: of the recording
        lead: frames before the recording, which raters with a lag still respond to

    Returns:
        shape (lead + frames,)
    """
    latent = slow_noise(rng, lead + frames, LATENT_SECONDS)
    audible = latent[lead:]
    return (latent - audible.mean()) / audible.std()
