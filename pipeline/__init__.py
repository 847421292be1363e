"""The plumbing: everything that touches the world except the decisions: doors, belts, memory and hands."""
