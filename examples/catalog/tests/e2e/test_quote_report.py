"""Quotes in PostgreSQL become a CSV file of totals."""

import csv

import pytest

from catalog.store import CatalogStore
from catalog.workflows.quote_report import report_quotes

pytestmark = pytest.mark.e2e


@pytest.fixture
def quoted(batch):
    quotes = [
        {"quote_number": f"Q-{number}", "customer_id": number % 3, "total_amount": "10.10", "currency": "USD"}
        for number in range(9)
    ]
    quotes.append({"quote_number": "Q-EUR", "customer_id": 1, "total_amount": "500", "currency": "EUR"})
    quotes.append({"quote_number": "Q-BIG", "customer_id": 2, "total_amount": "0.01", "currency": "USD"})
    with CatalogStore(batch) as store:
        store.save_quotes(quotes)
        yield batch
        store.remove()


def test_totals_reach_the_file(quoted, tmp_path):
    path = tmp_path / "totals.csv"
    outcome = report_quotes(quoted, str(path))
    assert outcome["rows"] == 3 and outcome["run_id"]
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["customer_id"], line["quotes"], line["total"]) for line in lines] == [
        ("2", "4", "30.31"),
        ("0", "3", "30.30"),
        ("1", "3", "30.30"),
    ]


def test_a_batch_without_quotes_gives_an_empty_report(batch, tmp_path):
    path = tmp_path / "totals.csv"
    assert report_quotes(batch, str(path), "EUR")["rows"] == 0
    assert path.read_text(encoding="utf-8").splitlines() == ["customer_id,quotes,total,currency"]
