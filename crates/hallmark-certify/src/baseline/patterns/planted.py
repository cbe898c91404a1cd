"""Breaks two foundation patterns: a node whose registration is not called, and a workflow that is not built."""

from kailash.nodes.base import Node, NodeParameter, register_node
from kailash.runtime.local import LocalRuntime
from kailash.workflow.builder import WorkflowBuilder


@register_node
class PlantedNode(Node):
    """Not registered: the decorator is not called."""

    def get_parameters(self):
        return {"text": NodeParameter(name="text", type=str, required=True, description="A text")}

    def run(self, text):
        return {"text": text}


def execute():
    workflow = WorkflowBuilder()
    workflow.add_node("PlantedNode", "planted", {"text": "x"})
    with LocalRuntime() as runtime:
        results, run_id = runtime.execute(workflow)
    return results, run_id
