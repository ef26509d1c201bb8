"""What a view looks at."""

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.pipeline.latest_frame import LatestFrame
from edge.service.commands import Catalog
from edge.types import AnalyzedFrame, Image
from edge.view.settings import PrivacyBlur


@dataclass(frozen=True, slots=True)
class ViewContext:
    """What a view shows, and how.

    Attributes:
        showcase: where the newest scene is.
        blur: what is hidden in it.
        analyse: reads a picture that stands alone as the daemon is set at the moment; it may take a
            second, and any thread may call it.
        catalog: what commands may choose from.
    """

    showcase: LatestFrame
    blur: PrivacyBlur
    analyse: Callable[[Image], AnalyzedFrame]
    catalog: Catalog = field(default_factory=Catalog)
