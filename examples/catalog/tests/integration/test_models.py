"""The models register with DataFlow."""

import pytest
from kailash.nodes.base import NodeRegistry

from catalog.fields import describe

pytestmark = pytest.mark.integration

MODELS = [
    "ClassificationCache",
    "ClassificationFeedback",
    "ClassificationHistory",
    "ClassificationMetrics",
    "ClassificationRule",
    "Company",
    "Customer",
    "Document",
    "DocumentProcessingQueue",
    "ETIMAttribute",
    "ProductCatalog",
    "ProductClassification",
    "Quote",
    "User",
]


@pytest.fixture(scope="module")
def db():
    """The DataFlow instance with all models. Imported here, so that a missing variable fails these tests only."""
    import catalog.models
    import catalog.product_catalog
    from catalog.database import db

    assert catalog.models and catalog.product_catalog
    return db


def test_thirteen_models_and_the_product_catalog_are_registered(db):
    assert sorted(db.get_models()) == MODELS


@pytest.mark.parametrize("model", MODELS)
def test_each_model_has_nodes(db, model):
    assert model in db.get_models()
    assert NodeRegistry.get(f"{model}CreateNode") and NodeRegistry.get(f"{model}ListNode")


def test_indexes_name_declared_fields(db):
    for name in MODELS:
        model = db.get_models()[name]
        for index in getattr(model, "__indexes__", []):
            named = set(index["fields"]) | set(index.get("include", []))
            assert named <= set(model.__annotations__), (name, index)


def test_the_product_catalog_keeps_what_its_fields_say(db):
    fields = describe(db.get_models()["ProductCatalog"])
    assert fields["id"].primary_key and fields["name"].index and fields["price"].decimal_places == 2
    assert [name for name, field in fields.items() if field.required] == [
        "name",
        "category",
        "description",
        "price",
        "safety_rating",
    ]
