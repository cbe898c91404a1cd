"""The one DataFlow instance that the models register with."""

from dataflow import DataFlow

from catalog.settings import database_url

# The models are declarations: importing them must neither connect nor change a schema. Tables are made by a step of its own.
db = DataFlow(database_url(), auto_migrate=False, migration_enabled=False, enable_model_persistence=False)
