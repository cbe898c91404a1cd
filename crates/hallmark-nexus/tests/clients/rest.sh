#!/usr/bin/env bash
# curl against a running server: HALLMARK_URL, HALLMARK_MCP_URL, HALLMARK_TOKEN as in common.py.
set -euo pipefail
url=${HALLMARK_URL:-http://127.0.0.1:8000}
mcp=${HALLMARK_MCP_URL:-http://127.0.0.1:8001}
# The token goes through a file descriptor: an argument could be read by any user of the machine.
ask() { curl -sS --max-time 60 -H @<(printf 'Authorization: Bearer %s\n' "$HALLMARK_TOKEN") -H 'Content-Type: application/json' "$@"; }
want() { # what, expected, got
  [ "$2" = "$3" ] || { echo "$1: expected $2, got $3" >&2; exit 1; }
}
member() { python3 -c 'import json,sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("."): value = value[name]
print(value if isinstance(value, str) else json.dumps(value, sort_keys=True))' "$1"; }

want health '{"status":"ok"}' "$(curl -sS "$url/health")"
want "no token" 401 "$(curl -sS -o /dev/null -w '%{http_code}' "$url/api/v1/nodes")"
want "another host" 421 "$(ask -o /dev/null -w '%{http_code}' -H 'Host: evil.example' "$url/api/v1/nodes")"
want "another origin" 403 "$(ask -o /dev/null -w '%{http_code}' -H 'Origin: http://evil.example' "$mcp/mcp" -d '{}')"
session=$(ask "$url/api/v1/sessions" -d '{"label": "curl"}' | member session)
run=$(ask "$url/api/v1/nodes/TemplateNode/run" -d "{\"input\": {\"template\": \"{{ a }}\", \"values\": {\"a\": 1}}, \"session\": \"$session\"}" | member run_id)
over_rest=$(ask "$url/api/v1/runs/$run" | member result)
call="{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"tools/call\", \"params\": {\"name\": \"get_run\", \"arguments\": {\"run_id\": \"$run\"}}}"
over_mcp=$(ask -H 'Accept: application/json, text/event-stream' "$mcp/mcp" -d "$call" | member result.structuredContent.result)
want "the run over REST and over MCP" "$over_rest" "$over_mcp"
ask -o /dev/null -X DELETE "$url/api/v1/sessions/$session"
want "a revoked session" HM-N022 "$(ask "$url/api/v1/sessions/$session" | member code)"
echo "REST with curl: session ${session:0:8}…, run $run: the same over MCP"
