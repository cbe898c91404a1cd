"""A CSV file becomes classified rows in PostgreSQL."""

import pathlib

import pytest

from catalog.store import CatalogStore
from catalog.workflows.product_import import import_products

pytestmark = pytest.mark.e2e

PRODUCTS = pathlib.Path(__file__).parents[2] / "data" / "products.csv"

# The sku says where a product belongs: an answer that the classifier never sees.
PREFIXES = {"HT": "Hand Tools", "PT": "Power Tools", "SE": "Safety Equipment", "CL": "Cleaning"}


@pytest.fixture
def imported(batch):
    outcome = import_products(str(PRODUCTS), batch)
    yield outcome
    with CatalogStore(batch) as store:
        store.remove()


def test_good_rows_are_stored_and_bad_ones_explained(imported, batch):
    assert imported["run_id"]
    assert imported["stored"] == 15
    assert [entry["row"] for entry in imported["rejected"]] == [16, 17, 18]
    with CatalogStore(batch) as store:
        stored = [product for category in PREFIXES.values() for product in store.products_in(category)]
    assert len(stored) == 15


def test_categories_are_right_more_often_than_chance_allows(imported):
    right = [product for product in imported["products"] if PREFIXES[product["sku"][:2]] == product["category"]]
    assert len(right) >= 13, [(p["sku"], p["category"]) for p in imported["products"] if p not in right]
