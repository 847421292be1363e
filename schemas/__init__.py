"""The words: what can be said about returns, sales, stock and money, and how JSON becomes it and back."""
