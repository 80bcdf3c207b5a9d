"""What a dataset says of itself: dataset.json (Croissant with its RAI vocabulary) and DATA_CARD.md."""
