"""What makes a product row acceptable and how quotes are summed: plain functions, no services."""

from decimal import Decimal, InvalidOperation
from typing import Any

REQUIRED_COLUMNS = ("sku", "name", "description", "price")
NAME_MAX_LENGTH = 255


def parse_price(text: Any) -> Decimal:
    """The price in the smallest unit's precision; raises ValueError for what is no positive amount."""
    try:
        price = Decimal(str(text).strip())
    except InvalidOperation as error:
        raise ValueError(f"price {text!r} is not a number") from error
    if not price.is_finite() or price <= 0:
        raise ValueError(f"price {text!r} is not a positive amount")
    return price.quantize(Decimal("0.01"))


def problems_of(row: dict[str, Any], max_price: Decimal) -> list[str]:
    """Why a row cannot be imported; an empty list if it can."""
    problems = [f"{column} is missing" for column in REQUIRED_COLUMNS if not str(row.get(column) or "").strip()]
    if len(str(row.get("name") or "")) > NAME_MAX_LENGTH:
        problems.append(f"name has more than {NAME_MAX_LENGTH} characters")
    if not problems:
        try:
            if parse_price(row["price"]) > max_price:
                problems.append(f"price is above {max_price}")
        except ValueError as error:
            problems.append(str(error))
    return problems


def split_rows(rows: list[dict[str, Any]], max_price: Decimal) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows that can be imported, normalised, and those that cannot, with their reasons. A repeated sku counts once."""
    accepted: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        problems = problems_of(row, max_price)
        sku = str(row.get("sku") or "").strip()
        if not problems and sku in seen:
            problems = [f"sku {sku} occurs twice"]
        if problems:
            rejected.append({"row": number, "problems": problems})
            continue
        seen.add(sku)
        accepted.append(
            {
                "sku": sku,
                "name": str(row["name"]).strip(),
                "description": str(row["description"]).strip(),
                "price": str(parse_price(row["price"])),
            }
        )
    return accepted, rejected


def total_by_customer(quotes: list[dict[str, Any]], currency: str) -> list[dict[str, Any]]:
    """Count and sum of each customer's quotes in one currency, the largest sum first."""
    sums: dict[int, tuple[int, Decimal]] = {}
    for quote in quotes:
        if quote["currency"] == currency:
            count, total = sums.get(quote["customer_id"], (0, Decimal(0)))
            sums[quote["customer_id"]] = (count + 1, total + Decimal(str(quote["total_amount"])))
    ordered = sorted(sums.items(), key=lambda item: (-item[1][1], item[0]))
    return [
        {"customer_id": customer, "quotes": count, "total": str(total.quantize(Decimal("0.01"))), "currency": currency}
        for customer, (count, total) in ordered
    ]


def nearest(vector: list[float], candidates: dict[str, list[float]]) -> tuple[str, float]:
    """The candidate whose direction is nearest to the vector's, and the cosine between the two."""
    if not candidates:
        raise ValueError("there is nothing to compare with")
    return max(((name, cosine(vector, other)) for name, other in candidates.items()), key=lambda pair: pair[1])


def cosine(one: list[float], other: list[float]) -> float:
    """The cosine of the angle between two vectors of one length; 0 if one of them is zero."""
    if len(one) != len(other):
        raise ValueError(f"vectors of {len(one)} and {len(other)} numbers cannot be compared")
    size = (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5
    return sum(a * b for a, b in zip(one, other)) / size if size else 0.0
