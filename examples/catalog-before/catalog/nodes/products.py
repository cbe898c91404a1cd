"""Nodes on products."""

from kailash.nodes import Node, NodeParameter, register_node

from ..database import connect, find_products


class ProductLookupNode(Node):
    """Finds the products of a category. Nobody registered it."""

    def get_parameters(self):
        return {}

    def run(self, **kwargs):
        return {"products": find_products(connect(), kwargs["category"])}


@register_node
class ProductPriceNode(Node):
    """Prices a product."""

    def get_parameters(self):
        return {
            "sku": NodeParameter(name="sku", required=True),
            "currency": NodeParameter(name="currency", type=str, required=True, default="USD"),
            "discount": {"type": float, "required": False},
        }

    def run(self, **kwargs):
        rate = kwargs.get("exchange_rate", 1.0)
        return {"price": 24.9 * rate, "sku": kwargs["sku"]}


@register_node()
class StockNode(Node):
    """Counts what is in stock."""

    def get_parameters(self):
        return {"sku": NodeParameter(name="sku", type=str, required=True)}

    def execute(self, **kwargs):
        return {"sku": kwargs["sku"], "count": 7}
