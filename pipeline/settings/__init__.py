"""The merchant's settings: one file, the environment, and what must hold between them."""
