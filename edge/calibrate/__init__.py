"""`emotiond calibrate`: what one person's neutral face corrects."""
