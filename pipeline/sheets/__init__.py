"""Files that a spreadsheet wrote, read as they come."""
