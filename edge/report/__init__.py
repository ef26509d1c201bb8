"""What events tell of a day or a film."""
