"""A face detector of our own: photographs with boxes, training, and judging any detector."""
