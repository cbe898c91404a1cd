"""A project with violations in it, and a client for each kind of editor."""

import os
import pathlib
import textwrap

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

SOURCE = textwrap.dedent(
    '''\
    from kailash.workflow.builder import WorkflowBuilder
    from os.path import *

    workflow = WorkflowBuilder()
    workflow.addNode("CSVReaderNode", "😀", {}); workflow.addNode("JSONReaderNode", "b", {})
    workflow.addConnection("😀", "out", "b", "in")
    API_TOKEN = "sk-live-0123456789abcdef"  # hallmark: allow[hardcoded-secret] the vendor's public test key
    '''
)


class Project:
    """The folder that the editor has open."""

    def __init__(self, root: pathlib.Path):
        self.root = root.resolve()

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.write("hallmark.toml", "")
    made.write("app/__init__.py", "")
    made.write("app/flow.py", SOURCE)
    return made


def server():
    return ClientServerConfig(server_command=[os.environ["HALLMARK"], "lsp"])


async def session(lsp_client: LanguageClient, project: Project, editor: str, options=None):
    capabilities = client_capabilities(editor)
    await lsp_client.initialize_session(
        types.InitializeParams(
            capabilities=capabilities,
            root_uri=project.root.as_uri(),
            workspace_folders=[types.WorkspaceFolder(uri=project.root.as_uri(), name="project")],
            initialization_options=options,
        )
    )


@pytest_lsp.fixture(config=server())
async def pushed(lsp_client: LanguageClient, project):
    """An editor that is sent diagnostics."""
    await session(lsp_client, project, "neovim@0.9.1")
    yield lsp_client
    await lsp_client.shutdown_session()


@pytest_lsp.fixture(config=server())
async def pulling(lsp_client: LanguageClient, project):
    """An editor that asks for diagnostics."""
    await session(lsp_client, project, "neovim@0.11.0", {"asksReason": True})
    yield lsp_client
    await lsp_client.shutdown_session()
