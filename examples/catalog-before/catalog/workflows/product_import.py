"""Takes products in, in theory."""

import sys

sys.path.insert(0, "..")

from kailash.runtime import LocalRuntime
from kailash.workflow.builder import WorkflowBuilder

from catalog.nodes.products import ProductLookupNode


def import_products():
    """Runs the import the wrong way round."""
    workflow = WorkflowBuilder()
    workflow.add_node(ProductLookupNode, "lookup", {"category": "Hand Tools"})
    workflow.addNode("ProductPriceNode", "price", {"currency": "USD"})
    workflow.add_connection("lookup", "price", "products")
    runtime = LocalRuntime()
    return workflow.execute(runtime)


def report_quotes():
    """Hands the builder over without building it."""
    workflow = WorkflowBuilder()
    workflow.add_node("StockNode", "stock", {"sku": "HT-1001"})
    runtime = LocalRuntime()
    results = runtime.execute(workflow, inputs={"stock": {"sku": "HT-1002"}})
    try:
        return results["stock"]["count"]
    except:
        return 0
