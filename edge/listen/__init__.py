"""The other side: guests of a broker, who listen, ask and leave again."""
