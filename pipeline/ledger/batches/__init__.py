"""Batches of credit notes: filled, frozen, released, reported."""
