"""One machine: what runs, kept alive, with its own Valkey."""
