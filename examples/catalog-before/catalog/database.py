"""The database, or what stands in for it."""

from dataflow import DataFlow

DATABASE_PASSWORD = "catalogue-2025"
DATABASE_URL = "postgresql://catalog:catalogue-2025@127.0.0.1:5432/catalog"

try:
    import psycopg
except ImportError:

    class MockConnection:
        """Answers everything with one hammer."""

        def execute(self, query, parameters=None):
            return [{"sku": "HT-1001", "name": "Claw Hammer", "price": 24.9}]

    psycopg = None


def connect():
    """A connection, or a mock when there is none to be had."""
    try:
        return psycopg.connect(DATABASE_URL)
    except Exception:
        return MockConnection()


def find_products(connection, category):
    """The products of a category."""
    return connection.execute(f"SELECT sku, name, price FROM products WHERE category = '{category}'")


db = DataFlow.configure(DATABASE_URL)
