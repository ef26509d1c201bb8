"""The recipe of the refinement network."""

from converter.recipes import Count, NotNegative, Positive, Schedule


class RefinerRecipe(Schedule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hyper-parameters of its training; refiner.yaml explains each.

    Attributes:
        steps: batches in an epoch.
        scenes: drawn to collect what the detector takes for a face.
        turn: degrees either way of each crop.
        shift: standard deviation of a crop's middle, in heights of the face.
        scale: standard deviation of the logarithm of a crop's size.
        smallest: height in pixels that a face is shrunk to at least before it is cut out.
    """

    steps: Count
    scenes: Count = 6000
    turn: NotNegative = 50.0
    shift: NotNegative = 0.07
    scale: NotNegative = 0.1
    smallest: Positive = 12.0
