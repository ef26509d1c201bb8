"""Labelled faces: the names of their classes and the size of their pictures."""

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")
"""Every class there is: FER2013's seven in the order of its label numbers (Goodfellow et al. 2013,
arXiv:1307.0414), then contempt, which FER+ and CK+ know."""

SIDE = 48
"""Faces are 48 pixels wide and high, as FER2013's are."""
