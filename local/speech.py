"""Synthetic speech: French sentences from eSpeak's voices, coloured by a latent emotion.

Rendering must start in a fresh process for each recording: eSpeak keeps state between sentences, so
what it says depends to the last bit on what it said before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soxr
from latents import FRAME_RATE
from numpy.typing import NDArray
from parselmouth.praat import call
from scipy.signal import lfilter
from sentences import SENTENCES

SAMPLE_RATE = 44100  # Hz, as RECOLA
ESPEAK_RATE = 22050  # Hz, what eSpeak renders at
LANGUAGE = "French (France)"
# eSpeak's variants with the range of base pitch they are used at, over their own.
VOICES = {
    "Female1": (0.9, 1.2),
    "Male1": (1.0, 1.45),
    "Female2": (0.9, 1.2),
    "Male2": (1.0, 1.45),
    "Female3": (0.9, 1.2),
    "Male3": (1.0, 1.45),
    "Female4": (0.9, 1.2),
    "Male4": (1.0, 1.45),
    "Male7": (1.0, 1.45),
}


@dataclass(frozen=True)
class Effects:
    """What one standard deviation of an emotion does to the voice; ratios are natural logarithms.

    `*_pitch_range` scales the intonation in semitones, `formants` the frequency of all formants, `tilt` is
    the level above 1 kHz over that below.
    """

    arousal_pitch: float = 0.10
    arousal_level: float = 3.0  # dB
    arousal_rate: float = 0.06
    arousal_tilt: float = 2.0  # dB
    valence_pitch_range: float = 0.35
    valence_formants: float = 0.04


@dataclass(frozen=True)
class Variation:
    """Standard deviations of what differs from sentence to sentence and means nothing."""

    pitch: float = 0.05
    level: float = 1.5  # dB
    rate: float = 0.05
    pitch_range: float = 0.15
    formants: float = 0.015


EFFECTS = Effects()
VARIATION = Variation()


@dataclass(frozen=True)
class Speaker:
    """Voice, manner and room of one recording."""

    voice: str
    pitch: float  # over eSpeak's own
    formants: float  # over eSpeak's own
    rate: float  # over 175 words a minute
    level: float  # dB, RMS of the recording below full scale
    snr: float  # dB


def draw_speaker(rng: np.random.Generator, number: int) -> Speaker:
    """A random speaker; recordings of one number have one of eSpeak's voices, so that sets are alike."""
    voice = list(VOICES)[number % len(VOICES)]
    return Speaker(
        voice=voice,
        pitch=rng.uniform(*VOICES[voice]),
        formants=rng.uniform(0.95, 1.06),
        rate=rng.uniform(0.9, 1.1),
        level=rng.uniform(-30, -24),
        snr=rng.uniform(15, 30),
    )


def render(rng: np.random.Generator, speaker: Speaker, emotion: NDArray) -> NDArray[np.int16]:
    """One recording: sentences and pauses over background noise.

    Args:
        rng: source of randomness
        speaker: who speaks where
        emotion: arousal and valence of shape (frames + 1, 2) at 25 Hz, of unit variance

    Returns:
        samples of shape (frames / 25 * SAMPLE_RATE,)
    """
    emotion = np.clip(emotion, -2.5, 2.5)
    samples = (len(emotion) - 1) * SAMPLE_RATE // FRAME_RATE
    speech = np.zeros(samples)
    decks = _decks(rng)
    start = round(rng.uniform(0.1, 0.6) * SAMPLE_RATE)
    while start < samples:
        frame = start * FRAME_RATE // SAMPLE_RATE
        felt = emotion[frame : frame + 3 * FRAME_RATE].mean(axis=0)  # a sentence takes about 3 s
        sentence = _say(rng, speaker, next(decks), *felt)[: samples - start]
        speech[start : start + len(sentence)] = _colour(sentence, start, emotion[:, 0])
        start += len(sentence) + round(_pause(rng) * SAMPLE_RATE)
    noise = _background(rng, samples) * speech.std() * 10 ** (-speaker.snr / 20)
    recording = speech + noise
    recording *= 10 ** (speaker.level / 20) / recording.std()
    recording /= max(1.0, np.abs(recording).max() / 0.95)  # a shout must not clip
    return np.round(recording * 32767).astype(np.int16)


def _decks(rng: np.random.Generator) -> Iterator[str]:
    """All sentences in random order, and again in another one."""
    while True:
        yield from (SENTENCES[i] for i in rng.permutation(len(SENTENCES)))


def _pause(rng: np.random.Generator) -> float:
    """Seconds between two sentences: mostly a breath, sometimes the other one is talking."""
    return rng.uniform(1.0, 2.5) if rng.random() < 0.12 else rng.uniform(0.15, 0.7)


def _say(
    rng: np.random.Generator, speaker: Speaker, text: str, arousal: float, valence: float
) -> NDArray[np.float64]:
    """One sentence at SAMPLE_RATE, shape (samples,)."""
    pitch, pitch_range, rate, formants, level = rng.standard_normal(5) * (
        VARIATION.pitch,
        VARIATION.pitch_range,
        VARIATION.rate,
        VARIATION.formants,
        VARIATION.level,
    )
    pitch = speaker.pitch * np.exp(EFFECTS.arousal_pitch * arousal + pitch)
    pitch_range = np.exp(EFFECTS.valence_pitch_range * valence + pitch_range)
    rate = speaker.rate * np.exp(EFFECTS.arousal_rate * arousal + rate)
    formants = speaker.formants * np.exp(EFFECTS.valence_formants * valence + formants)
    # What is read faster than it was rendered has higher formants, but is higher and faster too.
    multiplier, range_multiplier = _pitch_settings(pitch / formants, pitch_range)
    synthesizer = call("Create SpeechSynthesizer", LANGUAGE, speaker.voice)
    words_per_minute = np.clip(175 * rate / formants, 80, 450)
    gap = 0.01  # seconds between words
    call(
        synthesizer,
        "Speech output settings",
        ESPEAK_RATE,
        gap,
        multiplier,
        range_multiplier,
        words_per_minute,
        "IPA",
    )
    (sound,) = call(synthesizer, "To Sound", text, "no")
    spoken = soxr.resample(sound.values[0], ESPEAK_RATE * formants, SAMPLE_RATE)
    return spoken * 10 ** (level / 20)


def _pitch_settings(pitch: float, pitch_range: float) -> tuple[float, float]:
    """Praat's two multipliers for a median pitch and a range in semitones relative to eSpeak's own.

    Measured on eSpeak's French voices: the median pitch goes with (0.28 + 0.72 p) (1 + 0.1 (q - 1)) for the
    pitch multiplier p and the range multiplier q, and the range in Hz with q alone.
    """
    q = np.clip(pitch_range * pitch, 0, 2)
    p = np.clip((pitch / (1 + 0.1 * (q - 1)) - 0.28) / 0.72, 0.5, 2)
    return float(p), float(q)


def _colour(sentence: NDArray, start: int, arousal: NDArray) -> NDArray[np.float64]:
    """Level and spectral tilt as arousal moves within a sentence that begins at sample `start`."""
    pole = np.exp(-2 * np.pi * 1000 / SAMPLE_RATE)
    low = lfilter([1 - pole], [1, -pole], sentence)
    times = (start + np.arange(len(sentence))) / SAMPLE_RATE
    now = np.interp(times, np.arange(len(arousal)) / FRAME_RATE, arousal)
    tilted = low + (sentence - low) * 10 ** (EFFECTS.arousal_tilt * now / 20)
    return tilted * 10 ** (EFFECTS.arousal_level * now / 20)


def _background(rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """Room noise of unit variance that falls by 3 dB an octave (J. O. Smith's third-order filter)."""
    zeros = [0.049922035, -0.095993537, 0.050612699, -0.004408786]
    poles = [1, -2.494956002, 2.017265875, -0.522189400]
    noise = lfilter(zeros, poles, rng.standard_normal(samples))
    return noise / noise.std()
