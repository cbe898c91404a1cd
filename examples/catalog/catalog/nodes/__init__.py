"""The catalogue's own nodes. Importing this package registers them under their class names."""

from catalog.nodes.products import ProductClassifyNode, ProductFileReadNode, ProductRowsValidateNode, ProductStoreNode
from catalog.nodes.quotes import CustomerTotalsNode, OpenQuotesNode, TotalsFileNode

__all__ = [
    "CustomerTotalsNode",
    "OpenQuotesNode",
    "ProductClassifyNode",
    "ProductFileReadNode",
    "ProductRowsValidateNode",
    "ProductStoreNode",
    "TotalsFileNode",
]
