"""PostgreSQL and Redis, as the catalogue uses them."""

from decimal import Decimal

import psycopg
import pytest

from catalog.store import PRICE_TTL_SECONDS, CatalogStore, PriceCache

pytestmark = pytest.mark.integration

HAMMER = {
    "sku": "A-1",
    "name": "Hammer",
    "description": "A hammer",
    "price": "9.50",
    "category": "Hand Tools",
    "confidence": 0.9,
}


@pytest.fixture
def store(batch):
    with CatalogStore(batch) as store:
        yield store
        store.remove()


def test_products_are_kept_exactly(store):
    assert store.save_products([HAMMER, {**HAMMER, "sku": "A-2", "category": "Other"}]) == 2
    [found] = store.products_in("Hand Tools")
    assert (found["sku"], found["price"]) == ("A-1", Decimal("9.50"))


def test_a_known_sku_is_replaced(store):
    store.save_products([HAMMER])
    store.save_products([{**HAMMER, "price": "8.00"}])
    assert [product["price"] for product in store.products_in("Hand Tools")] == [Decimal("8.00")]


def test_one_bad_row_keeps_all_out(store):
    with pytest.raises(psycopg.errors.CheckViolation):
        store.save_products([HAMMER, {**HAMMER, "sku": "A-2", "price": "-1"}])
    assert store.products_in("Hand Tools") == []


def test_another_connection_sees_what_was_saved(store):
    store.save_products([HAMMER])
    with CatalogStore(store.batch) as other:
        assert len(other.products_in("Hand Tools")) == 1


def test_a_text_that_looks_like_sql_stays_a_text(store):
    name = "x'); DROP TABLE catalog_example.products; --"
    store.save_products([{**HAMMER, "name": name}])
    assert store.products_in("Hand Tools")[0]["name"] == name


def test_prices_are_remembered_for_a_while(batch):
    cache = PriceCache(batch)
    assert cache.get("A-1") is None
    cache.put("A-1", "9.50")
    assert cache.get("A-1") == "9.50"
    assert 0 < cache.client.ttl(cache.prefix + "A-1") <= PRICE_TTL_SECONDS
    cache.forget("A-1")
    assert cache.get("A-1") is None
