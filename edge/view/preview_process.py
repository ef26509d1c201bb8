"""`python -m edge.view.preview_process`: shows the images that come on stdin until it ends.

It is a process of its own because a display may go away, and the X library then ends the process
that uses it (XSetIOErrorHandler(3)): that must not be the daemon.
"""

import sys
from functools import lru_cache
from importlib.resources import as_file, files
from threading import Semaphore, Thread
from typing import IO

import pygame

from edge.view.preview import EXIT_NO_DISPLAY, FRAME_HEADER

FRAME_EVENT = pygame.event.custom_type()

UNSEEN_DRIVER = "offscreen"  # what SDL takes where it finds no display: windows that nobody sees
MAX_SCREEN_SHARE = 0.9  # share of the screen that the window takes at most, in width and height
DOUBLE_CLICK = 2  # clicks into the image, one soon after the other, that ask for the full screen
BLANK_SIZE = 640, 480  # size of the window where it begins without an image

BUTTONS = {
    "space": "pause",
    "m": "model",
    "d": "detector",
    "s": "save",
    "f": "full screen",
    "q": "quit",
}
"""Actions of the bar below the image, by the keys that do the same."""

BAR_PX, TEXT_PX, FONT_PX, GAP_PX = 62, 26, 18, 6
"""Heights of the bar, of the line of text in it, and of its letters; distance of its buttons."""

GROUND, CARD, TINT, INK, SOFT = "#0f1318", "#181e26", "#1d2f41", "#e9edf2", "#9ea9b8"
"""Colors of the bar: those of the web page at night."""


class Window:
    """The preview window: the image, and below it a bar of text and buttons."""

    def __init__(self) -> None:
        self._image: pygame.Surface | None = None
        self._text, self._size = "", (0, 0)
        self._full_screen = False
        self._buttons: dict[str, pygame.Rect] = {}
        self._hovered: str | None = None

    def show(self, size: tuple[int, int], text: str, pixels: bytes) -> None:
        """Show an image of a width and height, and a text; the first opens the window."""
        self._image = pygame.image.frombuffer(pixels, size, "BGR") if pixels else None
        self._text = text
        if pygame.display.get_surface() is None:
            wanted, screen = size if pixels else BLANK_SIZE, pygame.display.get_desktop_sizes()[0]
            whole = wanted[0], wanted[1] + BAR_PX
            shares = (MAX_SCREEN_SHARE * a / b for a, b in zip(screen, whole, strict=True))
            scale = min(1.0, *shares)
            self._size = round(scale * whole[0]), round(scale * whole[1])
            self._open(False)
        else:
            self.draw()

    def draw(self) -> None:
        """Draw the image as large as the window allows, on black, and the bar below it."""
        window = pygame.display.get_surface()
        if window is None:
            return
        window.fill(GROUND)
        area = window.get_rect()
        area.height = max(1, area.height - BAR_PX)
        self._draw_bar(window, area.height)
        if self._image is None:
            text = _font(FONT_PX).render(self._text, True, SOFT)
            window.blit(text, text.get_rect(center=area.center))
        else:
            place = self._image.get_rect().fit(area)
            window.blit(pygame.transform.smoothscale(self._image, place.size), place)
        pygame.display.flip()

    def _draw_bar(self, window: pygame.Surface, top: int) -> None:
        if self._image is not None:
            text = _font(FONT_PX).render(self._text, True, SOFT)
            window.blit(text, text.get_rect(midleft=(2 * GAP_PX, top + TEXT_PX // 2)))
        words = {key: f"{key}: {word}" for key, word in BUTTONS.items()}
        widths = [_font(FONT_PX).size(word)[0] + 2 * GAP_PX for word in words.values()]
        # In a narrow window all is smaller: every button can be reached.
        scale = min(1.0, window.get_width() / (sum(widths) + GAP_PX * (len(words) + 1)))
        x, height = scale * GAP_PX, BAR_PX - TEXT_PX - GAP_PX
        for (key, word), width in zip(words.items(), widths, strict=True):
            button = pygame.Rect(x, top + TEXT_PX, scale * width, height)
            self._buttons[key] = button
            ground = TINT if key == self._hovered else CARD
            pygame.draw.rect(window, ground, button, border_radius=8)
            text = _font(max(1, int(scale * FONT_PX))).render(word, True, INK)
            window.blit(text, text.get_rect(center=button.center))
            x += scale * (width + GAP_PX)

    def handle(self, event: pygame.event.Event) -> None:
        """Do what a key or a click asks of the window itself, and print every other key."""
        match event.type:
            case pygame.QUIT:
                self._press("q")
            case pygame.KEYDOWN if event.key == pygame.K_ESCAPE and self._full_screen:
                self._open(False)
            case pygame.KEYDOWN:
                self._press(pygame.key.name(event.key))
            case pygame.MOUSEBUTTONDOWN if event.button == 1:
                if key := self._button_at(event.pos):
                    self._press(key)
                elif event.clicks == DOUBLE_CLICK:
                    self._press("f")
            case pygame.MOUSEMOTION if self._button_at(event.pos) != self._hovered:
                self._hovered = self._button_at(event.pos)
                hand = pygame.SYSTEM_CURSOR_HAND if self._hovered else pygame.SYSTEM_CURSOR_ARROW
                pygame.mouse.set_cursor(hand)
                self.draw()
            case pygame.VIDEORESIZE | pygame.VIDEOEXPOSE:
                self.draw()

    def _button_at(self, place: tuple[int, int]) -> str | None:
        buttons = self._buttons.items()
        return next((key for key, button in buttons if button.collidepoint(place)), None)

    def _press(self, key: str) -> None:
        match key:
            case "f":
                self._open(not self._full_screen)
            case _:
                print(key, flush=True)

    def _open(self, full_screen: bool) -> None:
        """Take the whole screen, or the size that the window had before."""
        window = pygame.display.get_surface()
        if full_screen and window is not None:
            self._size = window.get_size()
        self._full_screen = full_screen
        size, flags = ((0, 0), pygame.FULLSCREEN) if full_screen else (self._size, pygame.RESIZABLE)
        pygame.display.set_mode(size, flags)
        self.draw()


@lru_cache
def _font(size: int) -> pygame.font.Font:
    return pygame.font.Font(None, size)  # the one that pygame brings


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
    pygame.font.init()
    pygame.display.set_caption("emotiond")
    with as_file(files("edge.view.web") / "page" / "page.svg") as icon:
        pygame.display.set_icon(pygame.image.load(icon))
    pygame.display.set_allow_screensaver(True)
    shown = Semaphore()
    Thread(target=read_frames, args=(sys.stdin.buffer, shown), daemon=True).start()
    window = Window()
    while (event := pygame.event.wait()).type != FRAME_EVENT or event.frame is not None:
        if event.type == FRAME_EVENT:
            window.show(*event.frame)
            shown.release()
        else:
            window.handle(event)
    return 0


def read_frames(file: IO[bytes], shown: Semaphore) -> None:
    """Post an event for each whole image of a pipe, and one without any at its end.

    An image is posted once the one before is shown. Where drawing is slower than the camera, the
    pipe fills and the daemon leaves frames out; events of the mouse never wait behind old images.
    """
    while len(header := file.read(FRAME_HEADER.size)) == FRAME_HEADER.size:
        width, height, text_bytes = FRAME_HEADER.unpack(header)
        text, pixels = file.read(text_bytes).decode(errors="replace"), file.read(3 * width * height)
        if len(pixels) < 3 * width * height:
            break
        shown.acquire()
        frame = (width, height), text, pixels
        pygame.event.post(pygame.event.Event(FRAME_EVENT, frame=frame))
    pygame.event.post(pygame.event.Event(FRAME_EVENT, frame=None))


if __name__ == "__main__":
    sys.exit(main())
