"""Receives what is posted: `receiver.py PORT FILE FAILURES`. Each body becomes a line of FILE; the first FAILURES get 500."""

import http.server
import json
import sys

port, path, failures = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global failures
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if failures > 0:
            failures -= 1
            self.send_response(500)
        else:
            line = {"path": self.path, "type": self.headers["content-type"], "body": json.loads(body)}
            line["authorization"] = self.headers.get("authorization")
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
