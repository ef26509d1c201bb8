"""What expression each face shows: model card, runtime, classifier, calibration, smoothing."""
