"""The nodes, reached from here by leading dots."""

from .products import ProductLookupNode, ProductPriceNode
