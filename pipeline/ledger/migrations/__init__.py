"""The ledger's history, oldest first; expand, then contract."""
