"""Expression labels of datasets and models, and the size of labeled face images."""

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")
"""Every label: the seven of FER2013 in the order of its label numbers (Goodfellow et al. 2013,
arXiv:1307.0414), then contempt, which FER+ and CK+ have."""

SIDE = 48
"""Width and height of face images in pixels, as in FER2013."""
