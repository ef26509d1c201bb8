"""Tables of the shipped models and detectors, written from their cards."""
