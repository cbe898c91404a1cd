"""The official Python SDK (1.x) over a WebSocket: python mcp_ws.py

Its client cannot send headers, so that it connects with a one-time ticket.
"""

import asyncio

from mcp import ClientSession
from mcp.client.websocket import websocket_client

from common import check, rest


async def main():
    status, ticket = rest("POST", "/api/v1/tickets", {"for": "websocket"})
    assert status == 200, ticket
    async with websocket_client(ticket["url"]) as (read, write):
        async with ClientSession(read, write) as session:
            await check(session, "MCP over WebSocket")


asyncio.run(main())
