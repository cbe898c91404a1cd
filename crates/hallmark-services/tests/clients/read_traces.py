"""Reads OTLP documents from standard input, one a line, with OpenTelemetry's own schema; prints their spans as JSON.

OTLP writes identifiers in hexadecimal where Protobuf's JSON has Base64; all else must be as the schema says, and
fields that it does not know are refused.
"""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

spans = []
for line in sys.stdin:
    document = json.loads(line)
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name, length in ("traceId", 16), ("spanId", 8), ("parentSpanId", 8):
                    if name in span:
                        raw = bytes.fromhex(span[name])
                        assert len(raw) == length and any(raw), span
                        span[name] = base64.b64encode(raw).decode()
    request = json_format.ParseDict(document, ExportTraceServiceRequest())
    for resource in request.resource_spans:
        names = {a.key: a.value.string_value for a in resource.resource.attributes}
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            assert span.end_time_unix_nano >= span.start_time_unix_nano > 10**18, span
            spans.append({
                "service": names["service.name"],
                "name": span.name,
                "id": span.span_id.hex(),
                "parent": span.parent_span_id.hex(),
                "trace": span.trace_id.hex(),
                "failed": span.status.code == 2,
            })
json.dump(spans, sys.stdout)
