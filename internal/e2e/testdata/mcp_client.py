"""Talks to Millwright with the official Python SDK, over HTTP and on pipes, and
prints what it got as JSON. The SDK checks structured results against the schema
that the tool declares."""

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def talk(read, write, tool):
    async with ClientSession(read, write) as session:
        hello = await session.initialize()
        tools = (await session.list_tools()).tools
        called = await session.call_tool(tool, {"least": 2})
        refused = await session.call_tool(tool, {"least": "many"})
        hidden = await session.call_tool("connect_api", {"name": "n", "url": "https://api.example.com"})
        resources = (await session.list_resources()).resources
        return {
            "server": hello.serverInfo.name,
            "tools": sorted(t.name for t in tools),
            "input": next(t.inputSchema for t in tools if t.name == tool),
            "structured": called.structuredContent,
            "text": called.content[0].text,
            "refused": [refused.isError, refused.content[0].text],
            "hidden": [hidden.isError, hidden.content[0].text],
            "resources": sorted(str(r.uri) for r in resources),
        }


async def main():
    url, binary, tool = sys.argv[1:]
    key = os.environ["AGENT_KEY"]
    out = {}
    async with streamablehttp_client(url + "/mcp", headers={"Authorization": "Bearer " + key}) as (read, write, _):
        out["http"] = await talk(read, write, tool)
    pipes = StdioServerParameters(command=binary, args=["mcp"], env={"MILLWRIGHT_URL": url, "MILLWRIGHT_API_KEY": key})
    async with stdio_client(pipes) as (read, write):
        out["pipes"] = await talk(read, write, tool)
    print(json.dumps(out))


asyncio.run(main())
