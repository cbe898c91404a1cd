"""Breaks two foundation patterns: an unregistered node, and a workflow that is executed without being built."""

from kailash.nodes.base import Node, NodeParameter
from kailash.runtime.local import LocalRuntime
from kailash.workflow.builder import WorkflowBuilder


class PlantedNode(Node):
    """Not registered."""

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
