"""Cin7's books as the decisions see them."""
