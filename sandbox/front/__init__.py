"""The gate of the practice world: quota, faults and a log of the calls."""
