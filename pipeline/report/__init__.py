"""report.html: what a person looks at when a dataset is made."""
