"""The workflows' graphs."""

import pytest

from catalog.workflows.product_import import product_import
from catalog.workflows.quote_report import quote_report

pytestmark = pytest.mark.unit


def test_the_import_has_four_steps_in_a_row():
    workflow = product_import("products.csv", "batch").build()
    assert set(workflow.nodes) == {"read_file", "validate_rows", "classify_products", "store_products"}
    assert len(workflow.connections) == 3


def test_the_report_has_three_steps_in_a_row():
    workflow = quote_report("batch", "totals.csv").build()
    assert set(workflow.nodes) == {"read_quotes", "total_quotes", "export_totals"}
    assert len(workflow.connections) == 2
