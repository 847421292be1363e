"""Refunds: let go when the goods are there, recorded on the note, and not forgotten."""
