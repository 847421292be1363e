"""Goods after their credit: write-offs, transfers, late arrivals."""
