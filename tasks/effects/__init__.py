"""Effects: each performed exactly once, one file a document."""
