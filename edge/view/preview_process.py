"""`python -m edge.view.preview_process`: shows the images that come on stdin until it ends.

It is a process of its own because a display may go away, and the X library then ends the process
that uses it (XSetIOErrorHandler(3)): that must not be the daemon.
"""

import sys
from importlib.resources import as_file, files
from threading import Thread

import pygame

from edge.view.preview import EXIT_NO_DISPLAY, FRAME_HEADER

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
            self._open(False)
        else:
            self.draw()

    def draw(self) -> None:
        """Draw the image as large as the window allows, on black."""
        window = pygame.display.get_surface()
        if self._image is None or window is None:
            return
        place = self._image.get_rect().fit(window.get_rect())
        window.fill("black")
        window.blit(pygame.transform.smoothscale(self._image, place.size), place)
        pygame.display.flip()

    def handle(self, event: pygame.event.Event) -> None:
        """Do what a key asks of the window itself, and print every other."""
        match event.type:
            case pygame.QUIT:
                print("q", flush=True)
            case pygame.KEYDOWN if event.key == pygame.K_f:
                self._open(not self._full_screen)
            case pygame.KEYDOWN if event.key == pygame.K_ESCAPE and self._full_screen:
                self._open(False)
            case pygame.KEYDOWN:
                print(pygame.key.name(event.key), flush=True)
            case pygame.VIDEORESIZE | pygame.VIDEOEXPOSE:
                self.draw()

    def _open(self, full_screen: bool) -> None:
        assert self._image is not None
        self._full_screen = full_screen
        if full_screen:
            pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
        else:
            screen, size = pygame.display.get_desktop_sizes()[0], self._image.get_size()
            scale = min(1.0, *(MAX_SCREEN_SHARE * a / b for a, b in zip(screen, size, strict=True)))
            pygame.display.set_mode([round(scale * side) for side in size], pygame.RESIZABLE)
        self.draw()


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
    pygame.display.set_caption("emotiond")
    with as_file(files("edge.view.web") / "page" / "page.svg") as icon:
        pygame.display.set_icon(pygame.image.load(icon))
    pygame.display.set_allow_screensaver(True)
    Thread(target=_read_frames, daemon=True).start()
    window = Window()
    while (event := pygame.event.wait()).type != FRAME_EVENT or event.pixels is not None:
        if event.type == FRAME_EVENT:
            window.show(event.size, event.pixels)
        else:
            window.handle(event)
    return 0


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
