"""Dead letters: written, shown, requeued."""
