"""What all nodes of the catalogue have in common."""

from abc import ABC
from typing import Any

from kailash.nodes.governance import SecureGovernedNode


class CatalogNode(SecureGovernedNode, ABC):
    """A governed node that also takes its parameters from `add_node(..., {...})`.

    The SDK's governed base checks only what arrives over connections and at run time: a value given when the workflow is
    built would not reach `run_governed`. What arrives at run time wins.
    """

    def execute(self, **kwargs: Any) -> dict[str, Any]:
        declared = self.get_parameters()
        configured = {name: value for name, value in self.config.items() if name in declared and value is not None}
        return super().execute(**{**configured, **kwargs})
