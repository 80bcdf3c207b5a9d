"""browse: a dataset to look at, hear and search, on a page of this machine or in files for any web server."""
