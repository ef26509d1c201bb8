"""Benchmark of models, detectors, the pipeline and the whole daemon: `emotiond bench`."""
