"""Quantization: from a Keras network to verified .tflite files with their cards."""
