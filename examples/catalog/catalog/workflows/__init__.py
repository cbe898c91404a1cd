"""The catalogue's workflows."""
