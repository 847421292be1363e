"""A day of returns as data: what was sold, what comes back, what goes wrong, and what must be true in the end."""

from sandbox.demo.day.making import make_day
from sandbox.demo.day.words import Day

__all__ = ["Day", "make_day"]
