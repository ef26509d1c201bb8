"""emotiond's training machine: datasets in, quantised models out."""
