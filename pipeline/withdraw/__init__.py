"""withdraw: material leaves a dataset with certainty, and nothing of it is left."""
