"""What an auditor asks of a dataset: totals, where a clip comes from, what is owed, what changed, what is wrong."""
