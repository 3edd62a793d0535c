"""Synthetic ratings that stand still, start and move as people's do."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

RATE = 25  # frames a second


def slow_noise(random, frames, seconds):
    """Gaussian noise of unit variance that changes within some seconds."""
    width = seconds * RATE
    noise = gaussian_filter1d(random.normal(size=frames + round(8 * width)), width)[round(4 * width) :][:frames]
    return noise / noise.std()


def stand_still(random, course, late=0.0):
    """Follow a course as people do: hold a value, for .8 s in the median, over 4.3 s in one of ten, 30 s at most."""
    trace, frame, value = np.zeros(len(course)), round(late * RATE), 0.0
    while frame < len(course):
        moving, holding = (
            max(2, round(RATE * random.lognormal(np.log(median), spread)))
            for median, spread in ((0.35, 0.6), (0.8, 1.25))
        )
        holding = min(holding, 30 * RATE)
        end = min(len(course), frame + moving)
        trace[frame:end] = np.linspace(value, course[end - 1], end - frame + 1)[1:]
        value = trace[end - 1]
        trace[end : end + holding] = value
        frame = end + holding
    return trace


def rate_like_people(seed, recordings=3, seconds=180, raters=5):
    """Synthetic ratings by recording: delays of 1 to 4 s, gains, levels, late starts of some seconds, errors."""
    random = np.random.default_rng(seed)
    frames, ratings = seconds * RATE, {}
    for number in range(recordings):
        course = slow_noise(random, frames + 4 * RATE, 4)
        traces = []
        for _ in range(raters):
            delay = round(random.uniform(1, 4) * RATE)
            followed = course[4 * RATE - delay :][:frames] * random.uniform(0.7, 1.3)
            error = 0.6 * slow_noise(random, frames, 5) + 0.3 * random.normal()
            traces.append(stand_still(random, 0.2 * (followed + error), late=abs(random.normal(0, 3))))
        ratings[f"rec_{number + 1}"] = np.stack(traces, axis=1).astype(np.float32)
    return ratings


def name_raters(ratings):
    return {recording: [f"R{i + 1}" for i in range(traces.shape[1])] for recording, traces in ratings.items()}
