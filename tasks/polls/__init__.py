"""What the clock starts: polls and watches."""
