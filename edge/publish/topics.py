"""MQTT topics of one device."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics below one root.

    Attributes:
        root: what all begin with: prefix/device.
    """

    root: str

    @property
    def id(self) -> str:
        """A name of the device that is no topic, for client ids and Home Assistant."""
        return self.root.replace("/", "_")

    @property
    def availability(self) -> str:
        """`online` or `offline`, retained; the last will."""
        return f"{self.root}/availability"

    @property
    def event(self) -> str:
        """Events."""
        return f"{self.root}/event"

    @property
    def state(self) -> str:
        """The present faces and settings, retained."""
        return f"{self.root}/state"

    @property
    def stats(self) -> str:
        """The numbers of the pipeline, retained."""
        return f"{self.root}/stats"

    @property
    def log(self) -> str:
        """Warnings and errors."""
        return f"{self.root}/log"

    @property
    def snapshot(self) -> str:
        """Images that were asked for."""
        return f"{self.root}/snapshot"

    @property
    def commands(self) -> tuple[str, ...]:
        """What is subscribed to: values to set, and requests."""
        return f"{self.root}/set/#", f"{self.root}/request/#"

    def face(self, track_id: int) -> str:
        """Return the topic of one face, which is published as long as it is there."""
        return f"{self.root}/face/{track_id}"

    def response(self, command: str) -> str:
        """Return the topic on which a command is answered."""
        return f"{self.root}/response/{command}"
