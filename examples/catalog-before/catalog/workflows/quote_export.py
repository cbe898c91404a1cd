"""Exports quotes: somebody stopped in the middle of a line."""


def export_quotes(quotes, path):
    """Writes the quotes."""
    try:
        with open(path, "w") as file
            file.write(str(quotes))
