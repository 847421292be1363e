"""Batches, advanced."""
