"""How well faces are found and followed on labelled media."""
