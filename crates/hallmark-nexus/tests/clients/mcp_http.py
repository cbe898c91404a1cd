"""The official Python SDK over streamable HTTP: python mcp_http.py"""

import asyncio

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

from common import HEADERS, MCP_URL, check


async def main():
    async with streamablehttp_client(f"{MCP_URL}/mcp", headers=HEADERS) as (read, write, _):
        async with ClientSession(read, write) as session:
            await check(session, "MCP over HTTP")


asyncio.run(main())
