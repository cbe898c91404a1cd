"""Nodes that sum quotes up: read, aggregate, export."""

import csv
import pathlib
from typing import Any

from kailash.nodes.base import NodeParameter, register_node

from catalog.nodes.governed import CatalogNode
from catalog.rules import total_by_customer
from catalog.store import CatalogStore

COLUMNS = ["customer_id", "quotes", "total", "currency"]


@register_node()
class OpenQuotesNode(CatalogNode):
    """Reads the quotes of one import from PostgreSQL."""

    def get_parameters(self) -> dict[str, NodeParameter]:
        return {
            "batch": NodeParameter(name="batch", type=str, required=True, description="The import to read."),
        }

    def run_governed(self, **kwargs: Any) -> dict[str, Any]:
        with CatalogStore(kwargs["batch"]) as store:
            return {"quotes": store.quotes()}


@register_node()
class CustomerTotalsNode(CatalogNode):
    """Counts and sums quotes by customer, the largest sum first."""

    def get_parameters(self) -> dict[str, NodeParameter]:
        return {
            "quotes": NodeParameter(name="quotes", type=list, required=True, description="The quotes."),
            "currency": NodeParameter(
                name="currency", type=str, required=False, default="USD", description="The currency that is summed."
            ),
        }

    def run_governed(self, **kwargs: Any) -> dict[str, Any]:
        return {"totals": total_by_customer(kwargs["quotes"], kwargs.get("currency", "USD"))}


@register_node()
class TotalsFileNode(CatalogNode):
    """Writes totals to a CSV file."""

    def get_parameters(self) -> dict[str, NodeParameter]:
        return {
            "totals": NodeParameter(name="totals", type=list, required=True, description="The totals by customer."),
            "path": NodeParameter(name="path", type=str, required=True, description="The file to write."),
        }

    def run_governed(self, **kwargs: Any) -> dict[str, Any]:
        path = pathlib.Path(kwargs["path"])
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(kwargs["totals"])
        return {"path": str(path), "rows": len(kwargs["totals"])}
