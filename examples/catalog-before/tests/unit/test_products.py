"""Tier 1. A mock here is what the tiered policy allows and the strict one does not."""

from unittest.mock import Mock


def test_a_price_is_a_number():
    node = Mock()
    node.run.return_value = {"price": 24.9}
    assert node.run(sku="HT-1001")["price"] == 24.9


def test_a_product_can_be_looked_up():
    {"sku": "HT-1001"}.get("sku")
