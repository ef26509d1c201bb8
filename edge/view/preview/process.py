"""`python -m edge.view.preview.process`: shows the images that come on stdin until it ends.

It is another process because a display may go away, and the X library then ends the process that
uses it (XSetIOErrorHandler(3)): that must not be the daemon.
"""

import math
import sys
from threading import Thread

import pygame

from edge.label_colors import color_for
from edge.view.preview.protocol import HEAD, NO_DISPLAY, read_exactly

TITLE = "emotiond"

NEW_PICTURE = pygame.event.custom_type()

SCREEN_SHARE = 0.9
"""Of the screen, that the window takes at most."""


class Screen:
    """One window.

    Attributes:
        size: of the picture that is shown, in pixels; None before the first.
    """

    def __init__(self) -> None:
        self.size: tuple[int, int] | None = None
        self._picture: pygame.Surface | None = None
        self._full = False

    def show(self, size: tuple[int, int], pixels: bytes) -> None:
        """Show a picture; the first opens the window, in its size."""
        if self.size is None:
            self.size = size
            self._open()
        self.size = size
        self._picture = pygame.image.frombuffer(pixels, size, "BGR")
        self.draw()

    def draw(self) -> None:
        """Draw the picture as large as the window is, and black where it does not reach."""
        window = pygame.display.get_surface()
        if self._picture is None or window is None:
            return
        scale = min(a / b for a, b in zip(window.get_size(), self._picture.get_size(), strict=True))
        width, height = (max(1, round(scale * side)) for side in self._picture.get_size())
        place = (window.get_width() - width) // 2, (window.get_height() - height) // 2
        window.fill("black")
        window.blit(pygame.transform.smoothscale(self._picture, (width, height)), place)
        pygame.display.flip()

    def fill(self, full: bool) -> None:
        """Take the whole screen, or a window."""
        if full != self._full and self.size is not None:
            self._full = full
            self._open()
            self.draw()

    def toggle(self) -> None:
        """Take the whole screen where it is a window, and the reverse."""
        self.fill(not self._full)

    def _open(self) -> None:
        assert self.size is not None
        if self._full:
            pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
            return
        desktop = pygame.display.get_desktop_sizes()[0]
        limits = [SCREEN_SHARE * a / b for a, b in zip(desktop, self.size, strict=True)]
        scale = min(1.0, *limits)
        width, height = self.size
        pygame.display.set_mode((round(scale * width), round(scale * height)), pygame.RESIZABLE)


def main() -> int:
    """Show pictures until stdin ends; return the exit code."""
    try:
        pygame.display.init()
    except pygame.error as error:
        print(error, file=sys.stderr)
        return NO_DISPLAY
    pygame.display.set_caption(TITLE)
    pygame.display.set_icon(_icon())
    pygame.display.set_allow_screensaver(True)
    Thread(target=_receive, daemon=True).start()
    screen = Screen()
    while True:
        event = pygame.event.wait()
        if event.type == NEW_PICTURE:
            if event.pixels is None:
                return 0
            screen.show(event.size, event.pixels)
        else:
            _answer(event, screen)


def _icon() -> pygame.Surface:
    """Return a face that laughs."""
    icon = pygame.Surface((64, 64), pygame.SRCALPHA)
    pygame.draw.circle(icon, color_for("happy"), (32, 32), 30)
    for x in (22, 42):
        pygame.draw.circle(icon, "black", (x, 25), 4)
    pygame.draw.arc(icon, "black", (16, 16, 32, 34), math.pi + 0.3, -0.3, 4)
    return icon


def _receive() -> None:
    """Hand on each picture of stdin, and that there are no more."""
    while (head := read_exactly(sys.stdin.buffer, HEAD.size)) is not None:
        width, height = HEAD.unpack(head)
        pixels = read_exactly(sys.stdin.buffer, 3 * width * height)
        if pixels is None:
            break
        pygame.event.post(pygame.event.Event(NEW_PICTURE, size=(width, height), pixels=pixels))
    pygame.event.post(pygame.event.Event(NEW_PICTURE, size=(0, 0), pixels=None))


def _answer(event: pygame.event.Event, screen: Screen) -> None:
    """Do what a key asks of the window itself, and tell every other."""
    if event.type == pygame.QUIT:
        print("q", flush=True)
    elif event.type in {pygame.VIDEORESIZE, pygame.VIDEOEXPOSE}:
        screen.draw()
    elif event.type == pygame.KEYDOWN:
        if event.key == pygame.K_f:
            screen.toggle()
        elif event.key == pygame.K_ESCAPE:
            screen.fill(False)
        else:
            print(pygame.key.name(event.key), flush=True)


if __name__ == "__main__":
    sys.exit(main())
