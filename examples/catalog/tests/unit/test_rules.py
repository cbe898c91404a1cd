"""The rules of import and aggregation."""

from decimal import Decimal

import pytest

from catalog.rules import cosine, nearest, parse_price, problems_of, split_rows, total_by_customer

pytestmark = pytest.mark.unit

LIMIT = Decimal(1000)


def row(**changes):
    return {"sku": "A-1", "name": "Hammer", "description": "A hammer", "price": "9.5", **changes}


@pytest.mark.parametrize(("text", "price"), [("9.5", "9.50"), (" 10 ", "10.00"), ("0.014", "0.01"), (12, "12.00")])
def test_prices_are_exact(text, price):
    assert parse_price(text) == Decimal(price)


@pytest.mark.parametrize("text", ["", "n/a", "-1", "0", "NaN", "Infinity", None])
def test_what_is_no_price_is_refused(text):
    with pytest.raises(ValueError):
        parse_price(text)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": ""}, "name is missing"),
        ({"sku": None}, "sku is missing"),
        ({"name": "x" * 256}, "name has more than 255 characters"),
        ({"price": "1000.01"}, "price is above 1000"),
        ({"price": "free"}, "price 'free' is not a number"),
    ],
)
def test_a_bad_row_says_why(changes, problem):
    assert problems_of(row(**changes), LIMIT) == [problem]


def test_rows_are_parted_and_a_repeated_sku_counts_once():
    accepted, rejected = split_rows([row(), row(sku="A-2", price="x"), row(name=" Other ")], LIMIT)
    assert accepted == [{"sku": "A-1", "name": "Hammer", "description": "A hammer", "price": "9.50"}]
    assert [entry["row"] for entry in rejected] == [2, 3]
    assert rejected[1]["problems"] == ["sku A-1 occurs twice"]


def test_totals_are_exact_and_sorted():
    quotes = [
        {"customer_id": 1, "total_amount": Decimal("0.10"), "currency": "USD"},
        {"customer_id": 2, "total_amount": Decimal("5"), "currency": "USD"},
        {"customer_id": 1, "total_amount": 0.2, "currency": "USD"},
        {"customer_id": 1, "total_amount": Decimal("99"), "currency": "EUR"},
    ]
    assert total_by_customer(quotes, "USD") == [
        {"customer_id": 2, "quotes": 1, "total": "5.00", "currency": "USD"},
        {"customer_id": 1, "quotes": 2, "total": "0.30", "currency": "USD"},
    ]
    assert total_by_customer([], "USD") == []


def test_the_nearest_direction_wins():
    name, confidence = nearest([1.0, 0.1], {"x": [2.0, 0.0], "y": [0.0, 1.0]})
    assert name == "x" and confidence > 0.99
    assert cosine([0.0, 0.0], [1.0, 0.0]) == 0.0
    with pytest.raises(ValueError):
        nearest([1.0], {})
    with pytest.raises(ValueError):
        cosine([1.0], [1.0, 2.0])
