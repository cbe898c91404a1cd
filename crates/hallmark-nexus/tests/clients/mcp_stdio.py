"""The official Python SDK over standard input and output: python mcp_stdio.py hallmark mcp"""

import asyncio
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from common import check


async def main():
    server = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:], env=dict(os.environ))
    async with stdio_client(server) as (read, write):
        async with ClientSession(read, write) as session:
            await check(session, "MCP over stdio")


asyncio.run(main())
