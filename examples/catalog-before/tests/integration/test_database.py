"""Tier 2, with the database mocked away."""

from unittest.mock import MagicMock, patch

import fakeredis


def test_products_are_found():
    connection = MagicMock()
    connection.execute.return_value = [{"sku": "HT-1001"}]
    assert connection.execute("SELECT 1")[0]["sku"] == "HT-1001"


@patch("os.getcwd")
def test_the_folder_is_known(getcwd):
    getcwd.return_value = "/catalog"
    import os

    assert os.getcwd() == "/catalog"


def test_prices_are_cached():
    cache = fakeredis.FakeRedis()
    cache.set("price:HT-1001", "24.90")
    assert cache.get("price:HT-1001") == b"24.90"
