"""`python -m edge.view.preview_process`: shows the images that come on stdin until it ends.

It is a process of its own because a display may go away, and the X library then ends the process
that uses it (XSetIOErrorHandler(3)): that must not be the daemon.
"""

import math
import sys
from threading import Thread

import pygame

from edge.view.annotate import color_for
from edge.view.preview import EXIT_NO_DISPLAY, FRAME_HEADER

TITLE = "emotiond"

FRAME_EVENT = pygame.event.custom_type()

UNSEEN_DRIVER = "offscreen"
"""What SDL takes where it finds no display: windows that nobody sees."""

MAX_SCREEN_SHARE = 0.9
"""Share of the screen that the window takes at most, in width and height."""


class Window:
    """The preview window."""

    def __init__(self) -> None:
        self._image: pygame.Surface | None = None
        self._full_screen = False

    def show(self, size: tuple[int, int], pixels: bytes) -> None:
        """Show an image of a width and height; the first opens the window in its size."""
        is_first = self._image is None
        self._image = pygame.image.frombuffer(pixels, size, "BGR")
        if is_first:
            self._open(self._image)
        self.draw()

    def draw(self) -> None:
        """Draw the image as large as the window allows, on black."""
        window = pygame.display.get_surface()
        if self._image is None or window is None:
            return
        scale = min(a / b for a, b in zip(window.get_size(), self._image.get_size(), strict=True))
        width, height = (max(1, round(scale * side)) for side in self._image.get_size())
        corner = (window.get_width() - width) // 2, (window.get_height() - height) // 2
        window.fill("black")
        window.blit(pygame.transform.smoothscale(self._image, (width, height)), corner)
        pygame.display.flip()

    def handle(self, event: pygame.event.Event) -> None:
        """Do what a key asks of the window itself, and print every other."""
        if event.type == pygame.QUIT:
            print("q", flush=True)
        elif event.type in {pygame.VIDEORESIZE, pygame.VIDEOEXPOSE}:
            self.draw()
        elif event.type == pygame.KEYDOWN:
            if event.key == pygame.K_f:
                self._set_full_screen(not self._full_screen)
            elif event.key == pygame.K_ESCAPE:
                self._set_full_screen(False)
            else:
                print(pygame.key.name(event.key), flush=True)

    def _set_full_screen(self, full_screen: bool) -> None:
        if full_screen != self._full_screen and self._image is not None:
            self._full_screen = full_screen
            self._open(self._image)
            self.draw()

    def _open(self, image: pygame.Surface) -> None:
        if self._full_screen:
            pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
            return
        desktop, (width, height) = pygame.display.get_desktop_sizes()[0], image.get_size()
        limits = MAX_SCREEN_SHARE * desktop[0] / width, MAX_SCREEN_SHARE * desktop[1] / height
        scale = min(1.0, *limits)
        pygame.display.set_mode((round(scale * width), round(scale * height)), pygame.RESIZABLE)


def main() -> int:
    """Show images until stdin ends; return the exit code."""
    try:
        pygame.display.init()
        if (driver := pygame.display.get_driver()) == UNSEEN_DRIVER:
            raise pygame.error(f"SDL finds no driver but {driver}")
    except pygame.error as error:
        print(error, file=sys.stderr)
        return EXIT_NO_DISPLAY
    print(flush=True)
    pygame.display.set_caption(TITLE)
    pygame.display.set_icon(_icon())
    pygame.display.set_allow_screensaver(True)
    Thread(target=_read_frames, daemon=True).start()
    window = Window()
    while True:
        event = pygame.event.wait()
        if event.type != FRAME_EVENT:
            window.handle(event)
        elif event.pixels is None:
            return 0
        else:
            window.show(event.size, event.pixels)


def _icon() -> pygame.Surface:
    """Draw a laughing face."""
    icon = pygame.Surface((64, 64), pygame.SRCALPHA)
    pygame.draw.circle(icon, color_for("happy"), (32, 32), 30)
    for x in (22, 42):
        pygame.draw.circle(icon, "black", (x, 25), 4)
    pygame.draw.arc(icon, "black", (16, 16, 32, 34), math.pi + 0.3, -0.3, 4)
    return icon


def _read_frames() -> None:
    """Post an event for each whole image on stdin, and one without pixels at its end."""
    file = sys.stdin.buffer
    while len(header := file.read(FRAME_HEADER.size)) == FRAME_HEADER.size:
        size = FRAME_HEADER.unpack(header)
        pixels = file.read(3 * size[0] * size[1])
        if len(pixels) < 3 * size[0] * size[1]:
            break
        pygame.event.post(pygame.event.Event(FRAME_EVENT, size=size, pixels=pixels))
    pygame.event.post(pygame.event.Event(FRAME_EVENT, size=(0, 0), pixels=None))


if __name__ == "__main__":
    sys.exit(main())
