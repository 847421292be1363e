"""The decisions: what should follow from a return. Values in, values out; no network, no disk, no clock."""
