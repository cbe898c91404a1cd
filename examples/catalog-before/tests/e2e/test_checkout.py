"""Tier 3, end to end of nothing."""


class StubShop:
    """A whole shop in four lines."""

    def order(self, sku):
        return {"status": "ordered", "sku": sku}


def test_a_hammer_can_be_ordered():
    assert StubShop().order("HT-1001")["status"] == "ordered"


def test_everything_works():
    assert True
