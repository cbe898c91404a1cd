"""The catalogue, as it is claimed to be 65 % ready."""
