"""A day of returns, played through the whole line and checked against the practice world's books."""
