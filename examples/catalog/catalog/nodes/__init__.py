"""The catalogue's own nodes. Importing this package registers them under their class names."""

from catalog.nodes.products import ProductClassifyNode, ProductRowsValidateNode, ProductStoreNode
from catalog.nodes.quotes import TotalsFileNode, OpenQuotesNode, CustomerTotalsNode

__all__ = [
    "ProductClassifyNode",
    "ProductRowsValidateNode",
    "ProductStoreNode",
    "TotalsFileNode",
    "OpenQuotesNode",
    "CustomerTotalsNode",
]
