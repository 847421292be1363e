"""One HTTP call to a provider: within its quota and its deadline, and its failure in one of a few words."""
