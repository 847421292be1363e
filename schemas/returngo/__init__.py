"""ReturnGO's JSON to values."""
