"""Credit notes: which invoice line, how much, with which tax, and where the goods go."""
