"""JSON read exactly: numbers, fields, outlines, and what is kept of a person."""
