"""The portal's published API."""
