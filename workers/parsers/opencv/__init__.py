"""The parser that needs no weights: shapes, people, faces and moving regions, judged on tracks."""

from workers.parsers.opencv.parser import OpenCVParser

__all__ = ["OpenCVParser"]
