"""Requests to a REST API, with nothing but the standard library."""

import http.client
import json


def ask(address, path, body=None):
    """GETs the path, or POSTs a body (text, bytes, or what becomes JSON): status and answer."""
    connection = http.client.HTTPConnection(address, timeout=20)
    text = body if isinstance(body, str | bytes | None) else json.dumps(body)
    connection.request("GET" if body is None else "POST", path, text)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, json.loads(data) if "json" in answer.headers["Content-Type"] else data
