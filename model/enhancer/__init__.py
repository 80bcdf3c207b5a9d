"""Taking music and noise out from under speech: the network, its training, the detector, streaming."""
