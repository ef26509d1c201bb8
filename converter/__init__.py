"""emotiond's training machine: datasets in, quantized models out."""
