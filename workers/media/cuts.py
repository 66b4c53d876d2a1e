"""Find cuts while frames pass by. In: small pictures with their times. Out: indices of the frames that open a clip."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detectors import AdaptiveDetector

CUT_PICTURE_PX = 160
"""Long side of the pictures compared: smaller hides noise and grain, larger costs time."""
_WINDOW = 2
_CLOCK = 1_000_000


class CutDetector:
    """PySceneDetect's adaptive detector, fed one frame at a time.

    A frame opens a clip when it differs from the one before by `min_change` and by `adaptive_ratio` times what the
    two frames on either side of it differ. What is compared is luma and twice the chroma, not PySceneDetect's hue and
    saturation, which are noise in dark or grey pictures: the fade-in of Big Buck Bunny scores 71 of 255 in
    HSV, above its real cuts, and 1 here, while real cuts score 14 and more. The detector reads planes laid side by
    side as one grey picture and is told to look at its luma only.
    Source: STEP, visual splitting, which uses PySceneDetect.
    """

    def __init__(self, *, adaptive_ratio: float, min_change: float, min_clip_seconds: float, rate: Fraction) -> None:
        """`min_change`: mean difference of two frames over luma and doubled chroma, 0 to 255. `rate`: frames per second, about."""
        self._rate = rate
        self._times: dict[int, int] = {}
        self._detector = AdaptiveDetector(
            adaptive_threshold=adaptive_ratio,
            min_scene_len=float(min_clip_seconds),
            window_width=_WINDOW,
            min_content_val=min_change,
            luma_only=True,
        )

    lag = _WINDOW
    """A cut is known only when this many frames after it were seen."""

    def feed(self, index: int, time_seconds: float, small_rgb: NDArray[np.uint8]) -> int | None:
        """Take the next frame; return the index of an earlier frame that turns out to open a clip, or None."""
        ticks = round(time_seconds * _CLOCK)
        self._times[ticks] = index
        if len(self._times) > 2 * _WINDOW + 2:
            del self._times[next(iter(self._times))]
        cuts = self._detector.process_frame(FrameTimecode(Timecode(ticks, Fraction(1, _CLOCK)), fps=self._rate), _planes(small_rgb))
        return self._times[cuts[0].pts] if cuts else None


def _planes(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return luma and twice both chroma planes side by side as a grey BGR picture, (h, 5 w, 3)."""
    y, cr, cb = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
    return np.repeat(np.hstack([y, cr, cr, cb, cb])[:, :, None], 3, axis=2)
