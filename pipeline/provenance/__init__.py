"""Provenance of a dataset or a clip as W3C PROV-JSON (member submission of 24 April 2013)."""
