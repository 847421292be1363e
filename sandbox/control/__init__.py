"""The control interface: what a test or a person plays with."""
