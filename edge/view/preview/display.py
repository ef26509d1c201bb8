"""A program of its own that shows pictures in a window and says which keys are pressed.

It is another process because a display may go away, and the X library then ends the process that
uses it (XSetIOErrorHandler(3)): that must not be the daemon.
"""
