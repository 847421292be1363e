"""ReturnGO, asked and told."""
