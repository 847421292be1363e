"""The ledger's tables, guards and revisions."""
