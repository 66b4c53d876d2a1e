"""The parser with a detector: named objects, followed through the clip, of which it says only what can be told."""

from workers.parsers.detector.parser import DetectorParser

__all__ = ["DetectorParser"]
