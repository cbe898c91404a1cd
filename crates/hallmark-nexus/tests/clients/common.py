"""What every client of another make must find: one session, one run and one set of error codes, whatever the channel.

Environment: HALLMARK_URL (http://127.0.0.1:8000), HALLMARK_MCP_URL (http://127.0.0.1:8001), HALLMARK_TOKEN.
"""

import json
import os
import urllib.error
import urllib.request

URL = os.environ.get("HALLMARK_URL", "http://127.0.0.1:8000")
MCP_URL = os.environ.get("HALLMARK_MCP_URL", "http://127.0.0.1:8001")
TOKEN = os.environ["HALLMARK_TOKEN"]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}

GREETING = {"node": "TemplateNode", "input": {"template": "Hello, {{ name }}!", "values": {"name": "Ada"}}}


def rest(method, path, body=None):
    """Status and JSON of a REST call."""
    data = None if body is None else json.dumps(body).encode()
    headers = HEADERS | ({"Content-Type": "application/json"} if data is not None else {})
    request = urllib.request.Request(URL + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def canonical(value):
    """The bytes that are compared; enough of RFC 8785 for what is compared here."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def equal(what, one, other):
    """Fails with both sides if they differ."""
    assert canonical(one) == canonical(other), f"{what}\n  {canonical(one)}\n  {canonical(other)}"


async def call(session, tool, arguments):
    """The answer of a tool that must work."""
    result = await session.call_tool(tool, arguments)
    assert not result.isError, f"{tool}: {result.content}"
    equal("text and structured content", json.loads(result.content[0].text), result.structuredContent)
    return result.structuredContent


async def refused(session, tool, arguments):
    """The error object of a tool that must not work."""
    result = await session.call_tool(tool, arguments)
    assert result.isError, f"{tool} was not refused: {result.content}"
    return json.loads(result.content[0].text)


async def check(session, channel):
    """Drives an MCP session, and REST beside it."""
    info = await session.initialize()
    assert info.serverInfo.name == "hallmark", info
    tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    for name in ("run_node", "run_workflow", "create_session", "get_session", "get_run", "stack_status", "search_nodes"):
        assert name in tools, f"{name} is not offered"
    assert tools["get_run"].annotations.readOnlyHint is True

    made = await call(session, "create_session", {"label": channel, "data": {"from": channel}})
    handle = made["session"]
    status, found = rest("GET", f"/api/v1/sessions/{handle}")
    assert status == 200, found
    equal("the session", found["result"], made["result"])

    run = await call(session, "run_node", GREETING | {"session": handle})
    assert run["result"]["text"] == "Hello, Ada!", run
    status, same = rest("POST", "/api/v1/nodes/TemplateNode/run", {"input": GREETING["input"], "session": handle})
    assert status == 200, same
    equal("the same call over REST", same["result"], run["result"])
    for run_id in (run["run_id"], same["run_id"]):
        status, over_rest = rest("GET", f"/api/v1/runs/{run_id}")
        over_mcp = await call(session, "get_run", {"run_id": run_id})
        assert status == 200, over_rest
        equal("the run", over_rest["result"], over_mcp["result"])

    for tool, arguments, method, path, body in (
        ("run_node", {"node": "NoSuchNode"}, "POST", "/api/v1/nodes/NoSuchNode/run", {}),
        ("run_node", {"node": "TemplateNode", "input": {"x": 1}}, "POST", "/api/v1/nodes/TemplateNode/run", {"input": {"x": 1}}),
        ("get_session", {"session": "hs_none"}, "GET", "/api/v1/sessions/hs_none", None),
    ):
        error = await refused(session, tool, arguments)
        status, problem = rest(method, path, body)
        assert status >= 400 and problem["code"] == error["code"], f"{error} over {channel}, {problem} over REST"

    await call(session, "revoke_session", {"session": handle})
    status, problem = rest("GET", f"/api/v1/sessions/{handle}")
    assert (status, problem["code"]) == (410, "HM-N022"), problem
    print(f"{channel}: {len(tools)} tools, session {handle[:8]}…, run {run['run_id']}: the same as REST")
