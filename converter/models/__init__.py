"""The networks, each in one function, untrained."""
