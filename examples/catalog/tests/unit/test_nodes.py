"""The nodes that need no service, run as the runtime runs them."""

import csv

import pytest
from kailash.nodes.base import NodeRegistry

import catalog.nodes
from catalog.nodes import CustomerTotalsNode, ProductFileReadNode, ProductRowsValidateNode, TotalsFileNode

pytestmark = pytest.mark.unit

ROWS = [
    {"sku": "A-1", "name": "Hammer", "description": "A hammer", "price": "9.5"},
    {"sku": "A-2", "name": "Saw", "description": "A saw", "price": "free"},
]


@pytest.mark.parametrize("name", catalog.nodes.__all__)
def test_every_node_is_registered_and_declares_what_it_takes(name):
    node = NodeRegistry.get(name)
    parameters = node().get_parameters()
    assert parameters and all(key == parameter.name for key, parameter in parameters.items())
    assert all(parameter.type is not None and parameter.description for parameter in parameters.values())


def test_a_file_becomes_rows(tmp_path):
    path = tmp_path / "products.csv"
    path.write_text("sku,name\nA-1,Säge\n", encoding="utf-8")
    assert ProductFileReadNode().execute(path=str(path)) == {"rows": [{"sku": "A-1", "name": "Säge"}]}


def test_rows_are_validated():
    result = ProductRowsValidateNode().execute(rows=ROWS, max_price=100.0)
    assert [product["sku"] for product in result["accepted"]] == ["A-1"]
    assert result["rejected"] == [{"row": 2, "problems": ["price 'free' is not a number"]}]


def test_a_missing_parameter_is_refused():
    with pytest.raises(ValueError):
        ProductRowsValidateNode().execute()


def test_totals_are_exported(tmp_path):
    quotes = [{"customer_id": 7, "total_amount": "12.5", "currency": "EUR"}]
    totals = CustomerTotalsNode().execute(quotes=quotes, currency="EUR")["totals"]
    path = tmp_path / "totals.csv"
    assert TotalsFileNode().execute(totals=totals, path=str(path))["rows"] == 1
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"customer_id": "7", "quotes": "1", "total": "12.50", "currency": "EUR"}
        ]
