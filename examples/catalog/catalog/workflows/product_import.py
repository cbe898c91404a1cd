"""Takes products in: read the file, validate the rows, classify what is left, store it."""

from typing import Any

import catalog.nodes  # registers the nodes that the workflow names

from kailash.runtime.local import LocalRuntime
from kailash.workflow.builder import WorkflowBuilder

CATEGORIES = {
    "Hand Tools": "Hammers, pliers, wrenches, screwdrivers and other tools that are moved by hand.",
    "Power Tools": "Cordless drills, circular saws, grinders, sanders and other tools with a motor.",
    "Safety Equipment": "Goggles, helmets, gloves, respirators and other protective equipment for people at work.",
    "Cleaning": "Detergents, mops, brooms, wipes and other supplies that make things clean.",
}


def product_import(path: str, batch: str) -> WorkflowBuilder:
    """The workflow that imports one CSV file as one batch."""
    workflow = WorkflowBuilder()
    workflow.add_node("ProductFileReadNode", "read_file", {"path": path})
    workflow.add_node("ProductRowsValidateNode", "validate_rows", {"max_price": 10000.0})
    workflow.add_node("ProductClassifyNode", "classify_products", {"categories": CATEGORIES})
    workflow.add_node("ProductStoreNode", "store_products", {"batch": batch})
    workflow.add_connection("read_file", "rows", "validate_rows", "rows")
    workflow.add_connection("validate_rows", "accepted", "classify_products", "products")
    workflow.add_connection("classify_products", "products", "store_products", "products")
    return workflow


def import_products(path: str, batch: str) -> dict[str, Any]:
    """Runs the import and tells what was stored and what was refused."""
    workflow = product_import(path, batch)
    with LocalRuntime() as runtime:
        results, run_id = runtime.execute(workflow.build())
    return {
        "run_id": run_id,
        "stored": results["store_products"]["stored"],
        "products": results["classify_products"]["products"],
        "rejected": results["validate_rows"]["rejected"],
    }
