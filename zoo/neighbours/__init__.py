"""Binary codes that keep neighbours together, for encoders to learn."""

from zoo.neighbours.features import neighbour_features
from zoo.neighbours.graph import nearest_rows
from zoo.neighbours.refinement import refine_bits, row_weights
from zoo.neighbours.rotation import binary_rotation
from zoo.neighbours.smoothing import smooth_map
from zoo.neighbours.teacher import NeighbourCodes, neighbour_codes

__all__ = [
    "NeighbourCodes",
    "binary_rotation",
    "nearest_rows",
    "neighbour_codes",
    "neighbour_features",
    "refine_bits",
    "row_weights",
    "smooth_map",
]
