"""Films analysed from beginning to end."""
