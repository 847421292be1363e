"""Cin7 Core's JSON to values and back."""
