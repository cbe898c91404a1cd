"""Sums quotes up: read them, aggregate by customer, export the totals."""

from typing import Any

import catalog.nodes  # registers the nodes that the workflow names

from kailash.runtime.local import LocalRuntime
from kailash.workflow.builder import WorkflowBuilder


def quote_report(batch: str, path: str, currency: str = "USD") -> WorkflowBuilder:
    """The workflow that exports the totals of one batch's quotes in one currency."""
    workflow = WorkflowBuilder()
    workflow.add_node("OpenQuotesNode", "read_quotes", {"batch": batch})
    workflow.add_node("CustomerTotalsNode", "total_quotes", {"currency": currency})
    workflow.add_node("TotalsFileNode", "export_totals", {"path": path})
    workflow.add_connection("read_quotes", "quotes", "total_quotes", "quotes")
    workflow.add_connection("total_quotes", "totals", "export_totals", "totals")
    return workflow


def report_quotes(batch: str, path: str, currency: str = "USD") -> dict[str, Any]:
    """Runs the report and tells where it is and how many lines it has."""
    workflow = quote_report(batch, path, currency)
    with LocalRuntime() as runtime:
        results, run_id = runtime.execute(workflow.build())
    return {"run_id": run_id, **results["export_totals"]}
