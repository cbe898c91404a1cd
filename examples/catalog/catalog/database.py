"""The one DataFlow instance that the models register with."""

import os

from dataflow import DataFlow


def database_url() -> str:
    """The address of PostgreSQL, from the environment."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise RuntimeError("DATABASE_URL is not set: run `hallmark up` and `eval $(hallmark env)`")
    return url


# The models are declarations: importing them must neither connect nor change a schema. Tables are made by a step of its own.
db = DataFlow(database_url(), auto_migrate=False, migration_enabled=False, enable_model_persistence=False)
