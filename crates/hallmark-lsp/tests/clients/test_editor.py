"""What a person does in an editor: read, mend, ask why, suppress, enable again."""

import asyncio

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

from conftest import SOURCE

FLOW = "app/flow.py"


def document(client, project, name, text, version=1):
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(
            types.TextDocumentItem(uri=project.uri(name), language_id="python", version=version, text=text)
        )
    )


def change(client, project, name, text, version):
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=project.uri(name), version=version),
            content_changes=[types.TextDocumentContentChangeWholeDocument(text=text)],
        )
    )


async def diagnostics(client: LanguageClient, project, name):
    uri = project.uri(name)
    for _ in range(400):
        if uri in client.diagnostics:
            return client.diagnostics[uri]
        await asyncio.sleep(0.02)
    raise AssertionError(f"no diagnostics of {name}")


async def changed(client: LanguageClient, project, name, text, version):
    client.diagnostics.pop(project.uri(name), None)
    change(client, project, name, text, version)
    return await diagnostics(client, project, name)


def rules(found):
    return sorted(d.code for d in found)


async def actions(client, project, position, only=None):
    found = await client.text_document_code_action_async(
        types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(uri=project.uri(FLOW)),
            range=types.Range(start=position, end=position),
            context=types.CodeActionContext(diagnostics=[], only=only),
        )
    )
    return {action.title: action for action in found}


def edits_of(action, uri):
    edit = action.edit
    if edit.document_changes:
        assert [c.text_document.uri for c in edit.document_changes] == [uri]
        return edit.document_changes[0].edits
    return edit.changes[uri]


def apply(text, edits):
    """Applies edits that count UTF-16 code units, last first."""
    lines = text.splitlines(keepends=True)

    def offset(position):
        before = "".join(lines[: position.line])
        line = lines[position.line] if position.line < len(lines) else ""
        units = line.encode("utf-16-le")[: position.character * 2]
        return len(before) + len(units.decode("utf-16-le"))

    for edit in sorted(edits, key=lambda e: offset(e.range.start), reverse=True):
        start, end = offset(edit.range.start), offset(edit.range.end)
        text = text[:start] + edit.new_text + text[end:]
    return text


@pytest.mark.asyncio
async def test_diagnostics_say_what_why_and_where(pushed, project):
    document(pushed, project, FLOW, SOURCE)
    found = await diagnostics(pushed, project, FLOW)
    assert rules(found) == ["camel-case-method"] * 3 + ["star-import"]
    second = [d for d in found if d.code == "camel-case-method"][1]
    # The emoji before it counts two in UTF-16.
    column = SOURCE.splitlines()[4].encode("utf-16-le").index("workflow.addNode(\"JSON".encode("utf-16-le")) // 2
    assert (second.range.start.line, second.range.start.character) == (4, column)
    assert second.severity == types.DiagnosticSeverity.Error
    assert second.source == "hallmark"
    assert second.code_description.href.endswith("/camel-case-method.md")
    assert second.data["fix"]["applicability"] == "safe"


@pytest.mark.asyncio
async def test_diagnostics_follow_the_text(pushed, project):
    document(pushed, project, FLOW, SOURCE)
    await diagnostics(pushed, project, FLOW)
    found = await changed(pushed, project, FLOW, SOURCE.replace("addConnection", "add_connection"), 2)
    assert rules(found) == ["camel-case-method"] * 2 + ["star-import"]
    found = await changed(pushed, project, FLOW, "def (\n", 3)
    assert rules(found) == ["HM-P001"]
    assert await changed(pushed, project, FLOW, "x = 1\n", 4) == ()


@pytest.mark.asyncio
async def test_a_text_that_is_not_saved_counts_for_other_files(pushed, project):
    base = "from kailash.nodes.base import Node, register_node\n\n\nclass Base(Node):\n    pass\n"
    user = 'from app.base import Base\n\n\nclass Reader(Base):\n    """Reads."""\n\n    def execute(self):\n        return {}\n'
    document(pushed, project, "app/base.py", base)
    document(pushed, project, "app/user.py", user)
    found = await diagnostics(pushed, project, "app/user.py")
    assert "node-defines-execute" in rules(found)
    pushed.diagnostics.pop(project.uri("app/user.py"))
    change(pushed, project, "app/base.py", "class Base:\n    pass\n", 2)
    found = await diagnostics(pushed, project, "app/user.py")
    assert "node-defines-execute" not in rules(found)


@pytest.mark.asyncio
async def test_a_finding_is_mended(pushed, project):
    document(pushed, project, FLOW, SOURCE)
    await diagnostics(pushed, project, FLOW)
    offered = await actions(pushed, project, types.Position(line=5, character=12))
    one = offered["Write add_connection"]
    assert one.is_preferred and one.kind == types.CodeActionKind.QuickFix
    assert one.diagnostics[0].code == "camel-case-method"
    mended = apply(SOURCE, edits_of(one, project.uri(FLOW)))
    assert mended == SOURCE.replace("addConnection", "add_connection")
    rule = offered["Fix all camel-case-method in this file"]
    mended = apply(SOURCE, edits_of(rule, project.uri(FLOW)))
    assert mended == SOURCE.replace("addConnection", "add_connection").replace("addNode", "add_node")


@pytest.mark.asyncio
async def test_everything_is_mended_on_save(pushed, project):
    document(pushed, project, FLOW, SOURCE)
    await diagnostics(pushed, project, FLOW)
    start = types.Position(line=0, character=0)
    offered = await actions(pushed, project, start, only=["source.fixAll"])
    assert [a.kind for a in offered.values()] == ["source.fixAll.hallmark"]
    mended = apply(SOURCE, edits_of(list(offered.values())[0], project.uri(FLOW)))
    assert "addNode" not in mended and "addConnection" not in mended
    found = await changed(pushed, project, FLOW, mended, 2)
    assert rules(found) == ["star-import"]
    assert await actions(pushed, project, start, only=["source.fixAll"]) == {}


@pytest.mark.asyncio
async def test_a_suppression_speaks_once_it_has_a_reason(pushed, project):
    document(pushed, project, FLOW, SOURCE)
    await diagnostics(pushed, project, FLOW)
    offered = await actions(pushed, project, types.Position(line=1, character=0))
    action = offered["Suppress star-import here, with a reason"]
    text = apply(SOURCE, edits_of(action, project.uri(FLOW)))
    assert text.splitlines()[1].startswith("from os.path import *  # hallmark: allow[star-import]")
    found = await changed(pushed, project, FLOW, text, 2)
    assert "suppression-without-reason" in rules(found)
    text = text.replace("allow[star-import] ", "allow[star-import] a shim for the tests")
    found = await changed(pushed, project, FLOW, text, 3)
    assert rules(found) == ["camel-case-method"] * 3


@pytest.mark.asyncio
async def test_a_suppressed_rule_is_enabled_again(pushed, project):
    document(pushed, project, FLOW, SOURCE)
    await diagnostics(pushed, project, FLOW)
    at = types.Position(line=6, character=60)
    offered = await actions(pushed, project, at)
    text = apply(SOURCE, edits_of(offered["Enable hardcoded-secret here again"], project.uri(FLOW)))
    assert text.splitlines()[6] == 'API_TOKEN = "sk-live-0123456789abcdef"'
    found = await changed(pushed, project, FLOW, text, 2)
    assert "hardcoded-secret" in rules(found)


@pytest.mark.asyncio
async def test_hover_shows_the_page_on_finding_and_suppression(pushed, project):
    document(pushed, project, FLOW, SOURCE)
    await diagnostics(pushed, project, FLOW)

    async def hover(line, character):
        return await pushed.text_document_hover_async(
            types.HoverParams(
                text_document=types.TextDocumentIdentifier(uri=project.uri(FLOW)),
                position=types.Position(line=line, character=character),
            )
        )

    on_finding = (await hover(5, 12)).contents
    assert on_finding.kind == types.MarkupKind.Markdown
    assert "WorkflowBuilder has no method `addConnection`" in on_finding.value
    assert "## Why" in on_finding.value
    comment = SOURCE.splitlines()[6]
    on_comment = (await hover(6, comment.index("hardcoded"))).contents.value
    assert "because: the vendor's public test key" in on_comment
    assert "# hardcoded-secret" in on_comment
    assert await hover(3, 0) is None


@pytest.mark.asyncio
async def test_diagnostics_are_given_when_asked_for(pulling, project):
    document(pulling, project, FLOW, SOURCE)

    async def pull(previous=None):
        return await pulling.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(
                text_document=types.TextDocumentIdentifier(uri=project.uri(FLOW)),
                previous_result_id=previous,
            )
        )

    report = await pull()
    assert rules(report.items) == ["camel-case-method"] * 3 + ["star-import"]
    again = await pull(report.result_id)
    assert again.kind == "unchanged"
    change(pulling, project, FLOW, "from os.path import *\n", 2)
    report = await pull(report.result_id)
    assert rules(report.items) == ["star-import"]
    assert project.uri(FLOW) not in pulling.diagnostics, "nothing is pushed to who asks"


@pytest.mark.asyncio
async def test_the_editor_asks_for_the_reason(pulling, project):
    document(pulling, project, FLOW, SOURCE)
    offered = await actions(pulling, project, types.Position(line=1, character=0))
    # lsprotocol reads every action with a command as a bare command, and that one as text.
    assert "hallmark.suppressWithReason" in str(offered["Suppress star-import here, with a reason"].command)
    argument = {"uri": project.uri(FLOW), "rule": "star-import", "line": 1, "reason": "a shim for\nthe tests"}
    asked = []

    @pulling.feature(types.WORKSPACE_APPLY_EDIT)
    def apply_edit(params: types.ApplyWorkspaceEditParams):
        asked.append(params)
        return types.ApplyWorkspaceEditResult(applied=True)

    await pulling.workspace_execute_command_async(
        types.ExecuteCommandParams(command="hallmark.suppress", arguments=[argument])
    )
    for _ in range(100):
        if asked:
            break
        await asyncio.sleep(0.02)
    text = apply(SOURCE, edits_of(asked[0], project.uri(FLOW)))
    assert text.splitlines()[1] == "from os.path import *  # hallmark: allow[star-import] a shim for the tests"


@pytest.mark.asyncio
async def test_the_score_is_told(pushed, project):
    score = await pushed.workspace_execute_command_async(types.ExecuteCommandParams(command="hallmark.score"))
    (score,) = [dict(s) if isinstance(s, dict) else s._asdict() for s in score]
    assert score["files"] == 2 and 0 <= score["overall"] < 1
    page = await pushed.workspace_execute_command_async(
        types.ExecuteCommandParams(command="hallmark.page", arguments=[{"rule": "star-import"}])
    )
    assert page.startswith("# star-import")
