"""What stands still behind everything, for a camera that does not move. In: RGB frames. Out: a background and foreground masks.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

SAMPLES = 120
"""Frames looked at for the background: enough that a visit of 5 % of the clip is seen 6 times."""
EMPTY_SHARE = 0.15
"""A scene must look the same in this share of the samples to be taken for the empty one."""
EMPTY_DIFFERENCE = 0.02
"""Largest share of pixels by which two samples of the same empty scene differ (video noise: below 0.005)."""
EMPTY_RUNS = 3
"""The empty scene must come back at least this often; what stands still once may be a visitor."""
AWAY_SHARE = 0.08
"""What stands must be away in this share of the samples for what is behind it to be known."""
AWAY_SECONDS = 3.0
"""… and for so long: in less, a title or a lifted arm looks like an absence."""
AWAY_PART = 0.6
"""It is away where this share of its pixels differs."""
LASTING_LEVEL = 12.0
"""A state lasts if half of its samples are within this many grey levels."""
MIN_STATIONARY_AREA = 0.0006
"""Of the frame; smaller patches are not looked at."""
SMOOTHER = 0.8
"""The other state is taken where its edges around the patch have less than this share of the strength."""
SAME_LEVEL = 24
"""Grey levels by which two samples of one pixel may differ and still be the same object."""
LEVELS = 22.0
"""A pixel further than this from the background, in the channel that differs most, may be foreground (H.264 noise: 4 to 8)."""
NOISE_OF_QUARTILE = 2.0
"""The quartile of changes is taken, which somebody who moves on one spot half of the time does not reach; noise is about twice that."""
NOISE_FACTOR = 5.0
"""… and further than this many times what the pixel itself usually varies (leaves in the wind)."""
SHADOW_RATIO = (0.55, 0.97)
"""A shadow keeps this share of the background's brightness …"""
SHADOW_CHROMA = 0.035
"""… and changes the shares of red, green and blue by less than this."""
CRISP_STEP = 0.6
"""An outline is crisp where the darkening changes, within 3 pixels, by this share of its depth …"""
CRISP_SHARE = 0.5
"""… and a patch is an object where this share of its outline is."""


def _even(n: int, count: int) -> NDArray[np.intp]:
    """At most `count` indices of `n`, evenly spread, first and last included."""
    return np.unique(np.linspace(0, n - 1, min(n, count)).round().astype(np.intp))


def _max_channel(pixels: NDArray[Any]) -> NDArray[Any]:
    """(…, 3) to (…): the channel with the largest value. Ten times faster than max over an axis of three."""
    return np.asarray(np.maximum(np.maximum(pixels[..., 0], pixels[..., 1]), pixels[..., 2]))


def gain_to(frame: Image, background: Image) -> NDArray[np.float32]:
    """(3,) factors that bring a frame to the background's exposure: cameras darken everything when a white car drives in.

    Medians of pixel ratios: what covers less than half of the frame does not count.
    """
    small = frame[::4, ::4].reshape(-1, 3).astype(np.float32) + 4.0
    reference = background[::4, ::4].reshape(-1, 3).astype(np.float32) + 4.0
    gain: NDArray[np.float32] = np.clip(np.median(reference / small, axis=0), 0.5, 2.0).astype(np.float32)
    return gain


def level(frame: Image, background: Image) -> Image:
    """The frame at the background's exposure; itself where they agree within 2 %."""
    gain = gain_to(frame, background)
    if np.all(np.abs(gain - 1) < 0.02):
        return frame
    out: Image = np.clip((frame.astype(np.float32) + 4.0) * gain - 4.0, 0, 255).astype(np.uint8)
    return out


def _recurring(samples: Image) -> NDArray[np.intp] | None:
    """The samples that show the scene that comes back most often, or None where none comes back.

    A median fails where visitors fill more than half of the time; but visitors differ and the empty room does not.
    """
    n = len(samples)
    small = np.stack([cv2.resize(s, (64, 36), interpolation=cv2.INTER_AREA) for s in samples]).astype(np.int16)
    near = max(3, round(EMPTY_SHARE * n))
    if n <= 2 * near:
        return None
    distance = np.stack([(_max_channel(np.abs(small - s)) > SAME_LEVEL).mean(axis=(1, 2)) for s in small])
    order = np.sort(distance, axis=1)
    core = int(np.argmin(order[:, near]))
    same = np.flatnonzero(distance[core] <= EMPTY_DIFFERENCE)
    runs = 1 + int((np.diff(same) > 2).sum())
    if len(same) < near or runs < EMPTY_RUNS:
        return None
    return same


def background_of(images: Image, step_seconds: float = 0.1) -> Image:
    """(h, w, 3) what stands behind all frames (n, h, w, 3), `step_seconds` apart: the scene that comes back, or else the median."""
    samples = images[_even(len(images), SAMPLES)]
    first = np.median(samples, axis=0).astype(np.uint8)
    levelled = np.stack([level(s, first) for s in samples])
    same = _recurring(levelled)
    if same is not None:
        levelled = levelled[same]
    background: Image = np.median(levelled, axis=0).astype(np.uint8)
    sample_seconds = step_seconds * len(images) / len(samples)
    min_away = max(3, round(AWAY_SECONDS / sample_seconds), round(AWAY_SHARE * len(samples)))
    return _without_stationary(background, np.stack([level(s, background) for s in samples]), min_away)


def _without_stationary(background: Image, samples: Image, min_away: int) -> Image:
    """Take out what stood there for most of the time and was away for a while: a bottle, somebody who hardly moved.

    Where a patch has two states that last, the background is the one that joins on to its surroundings without an edge.
    """
    differs = _max_channel(np.abs(samples.astype(np.int16) - background)) > SAME_LEVEL
    rows, columns = np.nonzero(differs.sum(axis=0) >= min_away)
    if not len(rows):
        return background
    values = samples[:, rows, columns].astype(np.float32)
    values[~differs[:, rows, columns]] = np.nan
    other = np.nanmedian(values, axis=0)
    lasting = np.nanmedian(_max_channel(np.abs(values - other)), axis=0) <= LASTING_LEVEL
    two_states = np.zeros(background.shape[:2], np.uint8)
    two_states[rows[lasting], columns[lasting]] = 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    two_states = np.asarray(cv2.morphologyEx(cv2.morphologyEx(two_states, cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel), np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(two_states, connectivity=8)
    cleaned = background.copy()
    for i in range(1, count):
        if stats[i, cv2.CC_STAT_AREA] < MIN_STATIONARY_AREA * two_states.size:
            continue
        patch = labels == i
        away = differs[:, patch].mean(axis=1) >= AWAY_PART
        if away.sum() < min_away:
            continue
        without = np.median(samples[away], axis=0).astype(np.uint8)
        grown, core = (_as_mask(f(patch.astype(np.uint8), np.ones((5, 5), np.uint8))) for f in (cv2.dilate, cv2.erode))
        rim = grown & ~core
        if _edges_on(rim, without) < SMOOTHER * _edges_on(rim, background):
            cleaned[grown] = without[grown]
    return cleaned


def _as_mask(values: Any) -> Mask:
    return np.asarray(values) > 0


def _edges_on(pixels: Mask, image: Image) -> float:
    """Mean grey step of a picture on these pixels."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(_gradient(grey)[pixels].mean())


def noise_of(images: Image) -> NDArray[np.float32]:
    """(h, w) how far a pixel usually changes within two frames: noise, and leaves in the wind, but not a visitor who stands."""
    if len(images) < 3:
        return np.zeros(images.shape[1:3], np.float32)
    starts = _even(len(images) - 2, 40)
    changes = np.stack([_max_channel(cv2.absdiff(images[k], images[k + 2])) for k in starts])
    noise = np.percentile(changes, 25, axis=0).astype(np.float32) * NOISE_OF_QUARTILE
    return np.asarray(cv2.dilate(cv2.GaussianBlur(noise, (5, 5), 0), np.ones((3, 3), np.uint8)), np.float32)


def foreground(frame: Image, background: Image, noise: NDArray[np.float32]) -> Mask:
    """(h, w) what differs from the background and is not its shadow."""
    seen = np.asarray(cv2.GaussianBlur(level(frame, background), (3, 3), 0), np.uint8)
    behind = np.asarray(cv2.GaussianBlur(background, (3, 3), 0), np.uint8)
    difference = _max_channel(cv2.absdiff(seen, behind))
    changed = difference > np.maximum(LEVELS, NOISE_FACTOR * noise)
    return np.asarray(changed & ~_soft_shadow(changed, seen, behind))


def _soft_shadow(changed: Mask, seen: Image, behind: Image) -> Mask:
    """The patches of `changed` that are the background, darker, of the same hue, and fade out: a grey shirt has a crisp outline."""
    light, full = _sum(seen), _sum(behind)
    ratio = light / full
    chroma = _max_channel(np.abs(seen / light[..., None] - behind / full[..., None]))
    dim = changed & (ratio > SHADOW_RATIO[0]) & (ratio < SHADOW_RATIO[1]) & (chroma < SHADOW_CHROMA)
    count, labels = cv2.connectedComponents(dim.astype(np.uint8), connectivity=4)
    if count < 2:
        return dim
    step = np.abs(_gradient(full - light)) / 3
    outline = dim & (cv2.erode(dim.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    depth = np.bincount(labels[dim], (full - light)[dim] / 3, count) / np.maximum(np.bincount(labels[dim], minlength=count), 1)
    crisp = np.bincount(labels[outline], (step > CRISP_STEP * depth[labels])[outline], count)
    length = np.maximum(np.bincount(labels[outline], minlength=count), 1)
    soft = crisp / length < CRISP_SHARE
    shadow: Mask = dim & soft[labels]
    return shadow


def _sum(image: Image) -> NDArray[np.float32]:
    """Red, green and blue together, plus 1."""
    total: NDArray[np.float32] = image[..., 0].astype(np.float32) + image[..., 1] + image[..., 2] + 1.0
    return total


def _gradient(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Largest change of a picture within 3 x 3 pixels."""
    return np.asarray(cv2.morphologyEx(values, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), np.float32)
