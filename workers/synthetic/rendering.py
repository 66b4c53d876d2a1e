"""Draw a world and encode it: H.264 in an mp4, by PyAV."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from workers.synthetic.shapes import COLOURS, covered_pixels
from workers.synthetic.worlds import Background, World, WorldClip

BLOTCHES = 7.0
"""Grey levels that the ground's soft pattern adds or takes away, at most."""
ENCODER = {"preset": "veryfast", "threads": "1", "x264-params": "cpu-independent=1"}
"""The same world gives the same bytes: one thread, and none of x264's quicker sums, which differ from run to run as well (measured)."""

GRAINS = 4
"""Patterns of grain; each frame shows one of them, shifted at random."""

Image = NDArray[np.uint8]


def render(world: World, path: Path, on_frame: Callable[[int], None] = lambda number: None) -> None:
    """Write the world as H.264, yuv420p; call `on_frame` with each frame's number. Raises OSError when the file cannot be written."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=world.fps, options={**ENCODER, "crf": str(world.picture.crf)})
        stream.width, stream.height, stream.pix_fmt = world.width, world.height, "yuv420p"
        for number, image in enumerate(draw_frames(world)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            frame.time_base = Fraction(1, world.fps)
            container.mux(stream.encode(frame))
            on_frame(number)
        container.mux(stream.encode(None))


def draw_frames(world: World) -> Iterator[Image]:
    """Yield the frames in order, (height, width, 3) RGB."""
    chance = np.random.default_rng(world.seed)
    grain = chance.normal(0.0, world.picture.grain, size=(GRAINS, world.height, world.width, 1)).astype(np.float32)
    for clip in world.clips:
        ground = draw_ground(clip.background, world.width, world.height)
        for number in range(clip.frames):
            image = draw_frame(clip, ground, number / world.fps, shading=world.picture.shading)
            if world.picture.grain:
                shift = tuple(int(v) for v in chance.integers(0, (world.height, world.width)))
                image += np.roll(grain[chance.integers(GRAINS)], shift, axis=(0, 1))
            yield np.clip(np.round(image), 0, 255).astype(np.uint8)


def draw_frame(clip: WorldClip, ground: NDArray[np.float32], seconds: float, *, shading: float) -> NDArray[np.float32]:
    """One moment of a clip over its ground, (height, width, 3) RGB, not rounded; objects are lighter above than below by `shading`."""
    image = ground.copy()
    height, width = image.shape[:2]
    for a in clip.appearances:
        left, top, cover = covered_pixels(a.object.form, a.centre_at(seconds), width, height, smooth=True)
        if cover.size:
            part = image[top : top + cover.shape[0], left : left + cover.shape[1]]
            down = (top + 0.5 + np.arange(cover.shape[0], dtype=np.float32) - a.centre_at(seconds)[1]) / a.object.side_px
            light = (1 - shading * down)[:, None, None]
            part += cover[:, :, None] * (np.array(COLOURS[a.object.colour], dtype=np.float32) * light - part)
    return image


def draw_ground(background: Background, width: int, height: int) -> NDArray[np.float32]:
    """The ground alone, (height, width, 3) RGB, not rounded."""
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    along = x * math.cos(background.angle_radians) + y * math.sin(background.angle_radians)
    blend = ((along - along.min()) / (along.max() - along.min()))[:, :, None]
    colour = (1 - blend) * np.array(background.first, dtype=float) + blend * np.array(background.second, dtype=float)
    coarse = np.random.default_rng(background.pattern_seed).uniform(-1, 1, size=(7, 9)).astype(np.float32)
    blotches = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * BLOTCHES
    ground: NDArray[np.float32] = (colour + blotches[:, :, None]).astype(np.float32)
    return ground
