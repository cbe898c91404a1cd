"""Tier 2, with the clock and the price list replaced."""

import time


class FakePriceService:
    """Says what the test wants to hear."""

    def price(self, sku):
        return 24.9


def test_a_price_is_fetched():
    assert FakePriceService().price("HT-1001") == 24.9


def test_a_slow_service_is_waited_for(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    time.sleep(60)
    assert time.sleep(0) is None
