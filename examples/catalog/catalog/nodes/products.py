"""Nodes that take product rows in: read, validate, classify, store."""

import csv
import pathlib
from decimal import Decimal
from typing import Any

from kailash.nodes.base import NodeParameter, register_node

from catalog.embeddings import embed
from catalog.nodes.governed import CatalogNode
from catalog.rules import nearest, split_rows
from catalog.store import CatalogStore


@register_node()
class ProductFileReadNode(CatalogNode):
    """Reads the rows of a CSV file, each a dictionary by the names in the file's first line."""

    def get_parameters(self) -> dict[str, NodeParameter]:
        return {
            "path": NodeParameter(name="path", type=str, required=True, description="The file to read, in UTF-8."),
        }

    def run_governed(self, **kwargs: Any) -> dict[str, Any]:
        with pathlib.Path(kwargs["path"]).open(encoding="utf-8-sig", newline="") as file:
            return {"rows": list(csv.DictReader(file))}


@register_node()
class ProductRowsValidateNode(CatalogNode):
    """Parts the rows that can be imported from those that cannot, with the reasons of each refusal."""

    def get_parameters(self) -> dict[str, NodeParameter]:
        return {
            "rows": NodeParameter(name="rows", type=list, required=True, description="The rows as they were read."),
            "max_price": NodeParameter(
                name="max_price", type=float, required=False, default=100000.0, description="The highest price believed."
            ),
        }

    def run_governed(self, **kwargs: Any) -> dict[str, Any]:
        accepted, rejected = split_rows(kwargs["rows"], Decimal(str(kwargs.get("max_price", 100000.0))))
        return {"accepted": accepted, "rejected": rejected}


@register_node()
class ProductClassifyNode(CatalogNode):
    """Gives each product the category whose description means nearly the same as the product's own."""

    def get_parameters(self) -> dict[str, NodeParameter]:
        return {
            "products": NodeParameter(name="products", type=list, required=True, description="Validated products."),
            "categories": NodeParameter(
                name="categories", type=dict, required=True, description="What belongs to each category, by its name."
            ),
        }

    def run_governed(self, **kwargs: Any) -> dict[str, Any]:
        products, categories = kwargs["products"], kwargs["categories"]
        names = list(categories)
        centres = dict(zip(names, embed([categories[name] for name in names])))
        vectors = embed([f"{product['name']}. {product['description']}" for product in products])
        classified = []
        for product, vector in zip(products, vectors):
            category, confidence = nearest(vector, centres)
            classified.append({**product, "category": category, "confidence": round(confidence, 4)})
        return {"products": classified}


@register_node()
class ProductStoreNode(CatalogNode):
    """Writes classified products to PostgreSQL, all of them or none."""

    def get_parameters(self) -> dict[str, NodeParameter]:
        return {
            "products": NodeParameter(name="products", type=list, required=True, description="Classified products."),
            "batch": NodeParameter(name="batch", type=str, required=True, description="The import that they belong to."),
        }

    def run_governed(self, **kwargs: Any) -> dict[str, Any]:
        with CatalogStore(kwargs["batch"]) as store:
            return {"stored": store.save_products(kwargs["products"])}
