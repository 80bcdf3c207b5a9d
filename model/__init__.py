"""The networks: codec, small built-in models, the duplex model with its loader and trainer."""
