"""Two voices apart: the separator and what it is told about them."""
