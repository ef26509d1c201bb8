"""The recipe of a detector: how its training pictures are drawn, and how it is trained."""

from typing import Annotated, Literal

import msgspec

from converter.recipes import Count, NotNegative, Positive, Schedule, Share


class SceneRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How training pictures are made of photographs.

    Attributes:
        smallest, largest: heights in pixels that faces are brought to, each size drawn as often.
        zoom: how many times a photograph is enlarged for that at most.
        whole: share of the parts in which a photograph is only fitted into the picture.
        mosaic: share of the pictures that are four parts side by side.
        empty: share without faces.
        drawn: share of those that are drawn, not photographs.
        empty_tint: spread of the logarithm of each colour's strength in those that are photographs.
        portraits: share in which one face is laid into a picture without.
        near: height in pixels of those faces at least.
        close: share in which a face fills the picture, as in a passport's.
        turn: degrees either way.
        filled: share of the parts that reach beyond their photograph as little as they can.
        contrast: natural logarithm of the largest change, of gamma too.
        brightness: share of the range, either way.
        tint: spread of the logarithm of each colour's strength.
        grey, blurred, noisy, compressed: shares of the pictures that this happens to.
    """

    smallest: Positive = 8.0
    largest: Positive = 300.0
    zoom: Positive = 5.0
    whole: Share = 0.15
    mosaic: Share = 0.3
    empty: Share = 0.35
    drawn: Share = 0.1
    empty_tint: NotNegative = 0.2
    portraits: Share = 0.1
    near: Positive = 40.0
    close: Share = 0.08
    turn: NotNegative = 40.0
    filled: Share = 0.85
    contrast: NotNegative = 0.35
    brightness: Share = 0.15
    tint: NotNegative = 0.08
    grey: Share = 0.15
    blurred: Share = 0.12
    noisy: Share = 0.12
    compressed: Share = 0.2


class DetectorRecipe(Schedule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hyper-parameters of a detector's training; detector.yaml explains each.

    Attributes:
        color: what the network is shown.
        steps: batches in an epoch.
        height, width: of the training pictures.
        most_faces: of a picture that are learnt from; more are left unjudged.
        mined_every: epochs after which the photographs without faces are searched anew for what
            the network takes for a face; 0 shows all of them alike.
        scenes: how the training pictures are made.
    """

    color: Literal["bgr", "grey"]
    steps: Count
    height: Count = 240
    width: Count = 320
    most_faces: Count = 40
    mined_every: Annotated[int, msgspec.Meta(ge=0)] = 2
    scenes: SceneRecipe = SceneRecipe()

    @property
    def channels(self) -> int:
        """Of the picture that the network takes."""
        return 3 if self.color == "bgr" else 1
