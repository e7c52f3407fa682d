#!/bin/sh
# Asks a server's REST API with curl:  sh examples/rest.sh localhost:8501 fashion '[0, 0, ...]'
# Takes less than a second; prints the versions, then the embedding of one row.
# Start the server with a REST port: python -m serving up models --rest_api_port 8501
set -eu
[ $# -eq 3 ] || { echo "usage: sh examples/rest.sh HOST:PORT MODEL ROW" >&2; exit 2; }
curl --silent --show-error --fail-with-body "http://$1/v1/models/$2"
echo
curl --silent --show-error --fail-with-body \
  --data "{\"signature_name\": \"embed\", \"instances\": [$3]}" "http://$1/v1/models/$2:predict"
echo
