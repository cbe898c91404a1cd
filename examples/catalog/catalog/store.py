"""Products in PostgreSQL and prices in Redis."""

from typing import Any

import psycopg
import redis
from psycopg.rows import dict_row

from catalog.settings import database_url, redis_url

PRICE_TTL_SECONDS = 300

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS catalog_example;
CREATE TABLE IF NOT EXISTS catalog_example.products (
    batch text NOT NULL,
    sku text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    price numeric(12, 2) NOT NULL CHECK (price > 0),
    category text NOT NULL,
    confidence double precision NOT NULL,
    PRIMARY KEY (batch, sku)
);
CREATE TABLE IF NOT EXISTS catalog_example.quotes (
    batch text NOT NULL,
    quote_number text NOT NULL,
    customer_id integer NOT NULL,
    total_amount numeric(12, 2) NOT NULL,
    currency text NOT NULL,
    PRIMARY KEY (batch, quote_number)
);
"""

SAVE_PRODUCT = """
INSERT INTO catalog_example.products (batch, sku, name, description, price, category, confidence)
VALUES (%(batch)s, %(sku)s, %(name)s, %(description)s, %(price)s, %(category)s, %(confidence)s)
ON CONFLICT (batch, sku) DO UPDATE SET name = excluded.name, description = excluded.description,
    price = excluded.price, category = excluded.category, confidence = excluded.confidence
"""

SAVE_QUOTE = """
INSERT INTO catalog_example.quotes (batch, quote_number, customer_id, total_amount, currency)
VALUES (%(batch)s, %(quote_number)s, %(customer_id)s, %(total_amount)s, %(currency)s)
"""


class CatalogStore:
    """One import's rows in PostgreSQL; a batch keeps the rows of different imports apart."""

    def __init__(self, batch: str) -> None:
        self.batch = batch
        self.connection = psycopg.connect(database_url(), row_factory=dict_row, connect_timeout=10)

    def __enter__(self) -> "CatalogStore":
        with self.connection.transaction():
            self.connection.execute(SCHEMA)
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    def save_products(self, products: list[dict[str, Any]]) -> int:
        """Writes all products or none; a known sku is replaced. Returns how many were written."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.executemany(SAVE_PRODUCT, [{**product, "batch": self.batch} for product in products])
        return len(products)

    def products_in(self, category: str) -> list[dict[str, Any]]:
        """The batch's products of one category, by sku."""
        query = "SELECT * FROM catalog_example.products WHERE batch = %s AND category = %s ORDER BY sku"
        with self.connection.transaction():
            return self.connection.execute(query, (self.batch, category)).fetchall()

    def save_quotes(self, quotes: list[dict[str, Any]]) -> int:
        """Writes all quotes or none. Returns how many were written."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.executemany(SAVE_QUOTE, [{**quote, "batch": self.batch} for quote in quotes])
        return len(quotes)

    def quotes(self) -> list[dict[str, Any]]:
        """The batch's quotes, by number."""
        query = "SELECT * FROM catalog_example.quotes WHERE batch = %s ORDER BY quote_number"
        with self.connection.transaction():
            return self.connection.execute(query, (self.batch,)).fetchall()

    def remove(self) -> None:
        """Removes what this batch wrote, and nothing else."""
        with self.connection.transaction():
            self.connection.execute("DELETE FROM catalog_example.products WHERE batch = %s", (self.batch,))
            self.connection.execute("DELETE FROM catalog_example.quotes WHERE batch = %s", (self.batch,))


class PriceCache:
    """Prices by sku in Redis; each expires after a while."""

    def __init__(self, batch: str) -> None:
        self.prefix = f"catalog-example:{batch}:price:"
        self.client = redis.Redis.from_url(redis_url(), decode_responses=True, socket_timeout=10)

    def put(self, sku: str, price: str) -> None:
        """Remembers a price."""
        self.client.set(self.prefix + sku, price, ex=PRICE_TTL_SECONDS)

    def get(self, sku: str) -> str | None:
        """The price, if it is still remembered."""
        return self.client.get(self.prefix + sku)

    def forget(self, sku: str) -> None:
        """Drops a price that changed."""
        self.client.delete(self.prefix + sku)
