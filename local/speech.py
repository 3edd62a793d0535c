"""Synthetic speech: French sentences from eSpeak's voices, coloured by a latent emotion.

eSpeak keeps state between sentences: the last bits of its output depend on what it rendered before. For
reproducible bytes, render each recording in a fresh process.
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
ESPEAK_RATE = 22050  # Hz, the rate of eSpeak
LANGUAGE = "French (France)"
# eSpeak's variants, women and men in turn, with the range of base pitch relative to the variant's own.
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
LOUDEST = 2.5  # standard deviations; beyond them an emotion no longer changes the voice


@dataclass(frozen=True)
class Effects:
    """Effects on the voice of one standard deviation of an emotion within a recording; ratios as natural logarithms."""

    arousal_pitch: float = 0.09
    arousal_rate: float = 0.06
    arousal_level: float = 2.5  # dB
    arousal_tilt: float = 2.0  # dB above 1 kHz over that below
    valence_pitch_range: float = 0.35  # of the intonation in semitones
    valence_formants: float = 0.036  # of the frequencies of all formants


@dataclass(frozen=True)
class Variation:
    """Standard deviations of random variation between sentences, unrelated to emotion; ratios as natural logarithms."""

    pitch: float = 0.05
    rate: float = 0.05
    level: float = 1.5  # dB
    pitch_range: float = 0.15
    formants: float = 0.015


# These sizes decide how hard the corpus is. They are older than the present raters and were not set again by the
# scores that systems reach with these.
EFFECTS = Effects()
VARIATION = Variation()


@dataclass(frozen=True)
class Speaker:
    """Voice, manner and room of one recording."""

    voice: str
    pitch: float  # relative to eSpeak's own
    formants: float  # relative to eSpeak's own
    rate: float  # relative to 175 words a minute
    level: float  # RMS of the recording, dB of full scale
    snr: float  # dB


def draw_speaker(rng: np.random.Generator, number: int) -> Speaker:
    """Draw a speaker; the number decides eSpeak's variant, so that all sets have the same voices."""
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
    """Render one recording: sentences and pauses over background noise.

    Args:
        rng: source of randomness
        speaker: voice, manner and room
        emotion: arousal and valence at FRAME_RATE from time 0, shape (frames + 1, 2)

    Returns:
        samples at SAMPLE_RATE, shape (frames * SAMPLE_RATE / FRAME_RATE,)
    """
    emotion = np.clip(emotion, -LOUDEST, LOUDEST)
    samples = (len(emotion) - 1) * SAMPLE_RATE // FRAME_RATE
    recording = np.zeros(samples)
    sentences = _draw_sentences(rng)
    start = round(rng.uniform(0.1, 0.6) * SAMPLE_RATE)
    while start < samples:
        frame = start * FRAME_RATE // SAMPLE_RATE
        felt = emotion[frame : frame + 3 * FRAME_RATE].mean(axis=0)  # a sentence takes about 3 s
        sentence = _say(rng, speaker, next(sentences), *felt)[: samples - start]
        recording[start : start + len(sentence)] = _colour(sentence, start, emotion[:, 0])
        start += len(sentence) + round(_draw_pause(rng) * SAMPLE_RATE)
    recording += _draw_background(rng, samples) * (recording.std() * _convert_to_ratio(-speaker.snr))
    recording *= _convert_to_ratio(speaker.level) / recording.std()
    recording /= max(1.0, np.abs(recording).max() / 0.95)  # a shout must not clip
    return np.round(recording * 32767).astype(np.int16)


def _convert_to_ratio(decibels: NDArray | float) -> NDArray | float:
    """Convert decibels to a ratio of amplitudes."""
    return 10 ** (decibels / 20)


def _draw_sentences(rng: np.random.Generator) -> Iterator[str]:
    """Yield all sentences in random order, then again in another order, without end."""
    while True:
        yield from (SENTENCES[i] for i in rng.permutation(len(SENTENCES)))


def _draw_pause(rng: np.random.Generator) -> float:
    """Draw the seconds between two sentences: mostly a breath, sometimes a turn of the other speaker."""
    return rng.uniform(1.0, 2.5) if rng.random() < 0.12 else rng.uniform(0.15, 0.7)


def _say(rng: np.random.Generator, speaker: Speaker, text: str, arousal: float, valence: float) -> NDArray[np.float64]:
    """Render one sentence at SAMPLE_RATE, shape (samples,)."""

    def draw_ratio(effect: float, variation: float) -> float:
        return float(np.exp(effect + variation * rng.standard_normal()))

    pitch = speaker.pitch * draw_ratio(EFFECTS.arousal_pitch * arousal, VARIATION.pitch)
    rate = speaker.rate * draw_ratio(EFFECTS.arousal_rate * arousal, VARIATION.rate)
    pitch_range = draw_ratio(EFFECTS.valence_pitch_range * valence, VARIATION.pitch_range)
    formants = speaker.formants * draw_ratio(EFFECTS.valence_formants * valence, VARIATION.formants)
    level = VARIATION.level * rng.standard_normal()

    # Playback at a higher rate raises the formants, but also pitch and rate, which is compensated here.
    pitch_multiplier, range_multiplier = _compute_pitch_settings(pitch / formants, pitch_range)
    words_per_minute = float(np.clip(175 * rate / formants, 80, 450))
    word_gap = 0.01  # seconds
    settings = (ESPEAK_RATE, word_gap, pitch_multiplier, range_multiplier, words_per_minute, "IPA")
    synthesizer = call("Create SpeechSynthesizer", LANGUAGE, speaker.voice)
    call(synthesizer, "Speech output settings", *settings)
    (sound,) = call(synthesizer, "To Sound", text, "no")
    return soxr.resample(sound.values[0], ESPEAK_RATE * formants, SAMPLE_RATE) * _convert_to_ratio(level)


def _compute_pitch_settings(pitch: float, pitch_range: float) -> tuple[float, float]:
    """Compute Praat's two multipliers for a median pitch and a pitch range in semitones, relative to eSpeak's own.

    Measured on the French voices: the median pitch is proportional to (0.28 + 0.72 p) (1 + 0.1 (q - 1)) for
    the pitch multiplier p and the range multiplier q; the range in Hz is proportional to q alone.
    """
    q = np.clip(pitch_range * pitch, 0, 2)
    p = np.clip((pitch / (1 + 0.1 * (q - 1)) - 0.28) / 0.72, 0.5, 2)
    return float(p), float(q)


def _colour(sentence: NDArray, start: int, arousal: NDArray) -> NDArray[np.float64]:
    """Change level and spectral tilt with the arousal within a sentence.

    Args:
        sentence: shape (samples,)
        start: first sample of the sentence in the recording
        arousal: of the recording at FRAME_RATE, shape (frames,)
    """
    times = (start + np.arange(len(sentence))) / SAMPLE_RATE
    current = np.interp(times, np.arange(len(arousal)) / FRAME_RATE, arousal)
    pole = np.exp(-2 * np.pi * 1000 / SAMPLE_RATE)  # of a low-pass filter at 1 kHz
    low = lfilter([1 - pole], [1, -pole], sentence)
    tilted = low + (sentence - low) * _convert_to_ratio(EFFECTS.arousal_tilt * current)
    return tilted * _convert_to_ratio(EFFECTS.arousal_level * current)


def _draw_background(rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """Draw room noise of unit variance that falls by 3 dB per octave (third-order filter by J. O. Smith)."""
    zeros = [0.049922035, -0.095993537, 0.050612699, -0.004408786]
    poles = [1, -2.494956002, 2.017265875, -0.522189400]
    noise = lfilter(zeros, poles, rng.standard_normal(samples))
    return noise / noise.std()
