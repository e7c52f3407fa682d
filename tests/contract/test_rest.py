"""The REST API: rows and columns, strings and bytes, status, metadata, errors, metrics."""

import base64

import numpy as np
import pytest

from serving import Client
from tests.serving import models
from tests.serving.rest_client import ask


def predict(rest, model, **body):
    return ask(rest, f"/v1/models/{model}:predict", body)


def test_rows_and_columns(rest):
    rows = np.ones((2, models.FEATURES)).tolist()
    code, answer = predict(rest, "enc", instances=rows)
    assert code == 200
    expected = np.ones((2, 8)) @ models.weights() * 2
    np.testing.assert_allclose(answer["predictions"], expected, rtol=1e-4)
    named = {"signature_name": "hash_query", "instances": [{"inputs": row} for row in rows]}
    code, answer = ask(rest, "/v1/models/enc/versions/2:predict", named)
    assert (code, set(answer["predictions"][0])) == (200, {"code", "margin"})
    assert predict(rest, "odd", signature_name="two", inputs={"a": [[1, 2.5]], "b": [[3, 4]]}) == (
        200,
        {"outputs": {"logits": [[4.0, 6.5]], "score": [10.5]}},
    )
    assert predict(rest, "odd", signature_name="scalar", inputs=3) == (200, {"outputs": 4.0})


def test_strings_and_bytes(rest):
    encoded = base64.b64encode("größe".encode()).decode()
    for text in (encoded, encoded.rstrip("="), encoded[:4] + "\n" + encoded[4:]):
        code, answer = predict(rest, "text", instances=["cat", {"b64": text}])
        assert code == 200
        assert [row["echo"] for row in answer["predictions"]] == ["cat", "größe"]
        assert [row["embedding"][0] for row in answer["predictions"]] == [1.0, 3.0]


def test_the_shortest_digits_of_a_float(rest):
    code, answer = predict(rest, "odd", inputs={"a": [[0.1, 3e-5]], "b": [[0, 0]]})
    assert (code, answer["outputs"]["logits"]) == (200, [[0.1, 3e-5]])


def test_classify_and_regress(rest):
    examples = {"signature_name": "classes", "examples": [{"x": 0.1}, {"x": [1.0]}]}
    assert ask(rest, "/v1/models/odd:classify", examples) == (
        200,
        {"results": [[["small", 0.9], ["large", 0.1]], [["small", 0.0], ["large", 1.0]]]},
    )
    whole = {"signature_name": "values", "context": {"x": 0.2}, "examples": [{}, {"x": 4.5}]}
    assert ask(rest, "/v1/models/odd/versions/1:regress", whole) == (200, {"results": [0.4, 9.0]})


def test_status(rest):
    fine = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    both = [{"version": "2", **fine}, {"version": "1", **fine}]
    assert ask(rest, "/v1/models/enc") == (200, {"model_version_status": both})
    one = {"model_version_status": both[1:]}
    assert ask(rest, "/v1/models/enc/versions/1") == (200, one)
    assert ask(rest, "/v1/models/e%6Ec/versions/1") == (200, one)


def test_metadata(rest):
    code, answer = ask(rest, "/v1/models/enc/metadata")
    assert code == 200
    assert answer["model_spec"] == {"name": "enc", "signature_name": "", "version": "2"}
    inputs = answer["metadata"]["signature_def"]["signature_def"]["embed"]["inputs"]["inputs"]
    assert inputs["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in inputs["tensor_shape"]["dim"]] == ["-1", "8"]


ROW = [1.0] * models.FEATURES
ELEMENT = "Failed to process element: {} of 'instances' list. "
INNER = ELEMENT + "Error: INVALID_ARGUMENT: "
REFUSED = {
    "unknown model": ("nope", {"instances": [1]}, 404, "Servable not found for request"),
    "unknown version": ("enc/versions/9", {"instances": [1]}, 404, "Specific(enc, 9)"),
    "unknown label": ("enc/labels/x", {"instances": [1]}, 400, "version label: x"),
    "version past int64": (
        f"enc/versions/{1 << 64}",
        {"instances": [1]},
        400,
        f"Failed to convert version: {1 << 64} to numeric.",
    ),
    "unknown signature": (
        "enc",
        {"signature_name": "zz", "instances": [1]},
        400,
        'Serving signature name: "zz" not found in signature def',
    ),
    "signature of no inputs": (
        "enc",
        {"signature_name": "__saved_model_init_op", "instances": [1]},
        400,
        "Failed to get input map for signature: __saved_model_init_op",
    ),
    "signature that is no name": (
        "enc",
        {"signature_name": 100},
        400,
        'JSON Value: {\n    "signature_name": 100\n} not formatted correctly.'
        " 'signature_name' key must be a string value.",
    ),
    "nothing": ("enc", {}, 400, "Missing 'inputs' or 'instances' key"),
    "both": (
        "enc",
        {"inputs": 1, "instances": [1]},
        400,
        "expecting only one of 'inputs' or 'instances' keys to exist ",
    ),
    "no body": ("enc", "", 400, "JSON Parse error: The document is empty"),
    "half a body": ("enc", "{", 400, "JSON Parse error: "),
    "half of a surrogate pair": ("text", '{"inputs": ["\\ud800"]}', 400, "JSON Parse error: "),
    "a list": ("enc", [1], 400, "JSON Value: [\n    1\n] Is not object"),
    "rows that are none": ("enc", {"instances": 1}, 400, "'instances' to be an list/array"),
    "no rows": ("enc", {"instances": []}, 400, "No values in 'instances' array"),
    "plain rows for two": (
        "odd",
        {"signature_name": "two", "instances": [1]},
        400,
        "instances is a plain list, but expecting list of objects as multiple input tensors"
        " required as per tensorinfo_map",
    ),
    "plain columns for two": (
        "odd",
        {"signature_name": "two", "inputs": [1]},
        400,
        "inputs is a plain value/list, but expecting an object as multiple input tensors"
        " required as per tensorinfo_map",
    ),
    "a column too few": (
        "odd",
        {"signature_name": "two", "inputs": {"a": [[1, 2]]}},
        400,
        "Missing named input: b in 'inputs' object.",
    ),
    "a key too few": (
        "odd",
        {"signature_name": "two", "instances": [{"a": 1}]},
        400,
        ELEMENT.format(0) + 'JSON object: {\n    "a": 1\n} keys must be equal to: a,b',
    ),
    "a key too many": (
        "enc",
        {"instances": [{"inputs": ROW, "z": 1}]},
        400,
        INNER.format("0 key: z") + "JSON object: does not have named input: z",
    ),
    "an object, then a list": (
        "enc",
        {"instances": [{"inputs": ROW}, ROW]},
        400,
        "Expecting object but got list at item 1 of input list",
    ),
    "a list, then an object": (
        "enc",
        {"instances": [ROW, {"inputs": ROW}]},
        400,
        "Expecting value/list but got object at item 1 of input list",
    ),
    "text for numbers": (
        "enc",
        {"instances": [["a"]]},
        400,
        INNER.format(0) + 'JSON Value: "a" Type: String is not of expected type: float',
    ),
    "truth for numbers": (
        "enc",
        {"instances": [[True]]},
        400,
        INNER.format(0) + "JSON Value: true Type: True is not of expected type: float",
    ),
    "fractions for integers": (
        "odd",
        {"signature_name": "two", "inputs": {"a": [[1, 2]], "b": [[1.5, 2]]}},
        400,
        "JSON Value: 1.5 Type: Number is not of expected type: int32",
    ),
    "a number past float32": (
        "odd",
        {"signature_name": "fragile", "inputs": [1e39]},
        400,
        "Cannot convert JSON value: 1e+39 to float without loss of precision.",
    ),
    "an integer that no float32 is": (
        "odd",
        {"signature_name": "fragile", "inputs": [(1 << 24) + 1]},
        400,
        "Cannot convert JSON value: 16777217 to float without loss of precision.",
    ),
    "rows of several sizes": (
        "enc",
        {"instances": [ROW, [1]]},
        400,
        INNER.format(1) + "Expecting tensor size: 8 but got: 1",
    ),
    "rows of several shapes": (
        "enc",
        {"instances": [ROW, [ROW]]},
        400,
        INNER.format(1) + "Expecting shape [8] but got: [1,8]",
    ),
    "a short list": (
        "enc",
        {"inputs": [[1, 2], [1]]},
        400,
        "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
    ),
    "a list too deep": (
        "enc",
        {"inputs": [1, [2]]},
        400,
        "Encountered list at unexpected level: 1 expected < 1",
    ),
    "a number too shallow": (
        "enc",
        {"inputs": [[1], 2]},
        400,
        "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
    ),
    "no base64": ("text", {"instances": [{"b64": "?"}]}, 400, "Unable to base64 decode"),
    "an object for text": (
        "text",
        {"inputs": [{"c": 1}]},
        400,
        'JSON Value: {\n    "c": 1\n} not formatted correctly for base64 data',
    ),
    "a wrong width": ("enc", {"instances": [[1] * 3]}, 400, "Matrix size-incompatible"),
    "a model that fails": (
        "odd",
        {"signature_name": "fragile", "instances": [-5]},
        400,
        "assertion failed: [below -1]",
    ),
    "outputs without rows": (
        "odd",
        {"signature_name": "total", "instances": [1, 2]},
        400,
        "Tensor name: sum has no shape information ",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_predict_errors(rest, name):
    model, body, code, message = REFUSED[name]
    status, answer = ask(rest, f"/v1/models/{model}:predict", body)
    assert (status, message in answer["error"]) == (code, True), answer


@pytest.mark.parametrize(
    ("model", "body", "code", "message"),
    [
        ("enc:classify", {"examples": []}, 400, "'examples' value is an empty array"),
        ("enc:regress", {"examples": {}}, 400, "Expecting 'examples' value to be an list/array"),
        ("enc:regress", {}, 400, "key 'examples' is expected and was not found"),
        ("odd:classify", {"examples": [3]}, 400, "must be JSON object but got JSON Number"),
        (
            "odd:classify",
            {"examples": [{"x": [1, 2.5]}]},
            400,
            "Unexpected element type in feature: x expecting type: int64",
        ),
        ("odd:classify", {"examples": [{"x": None}]}, 400, "unexpected JSON type: Null"),
        ("odd:classify", {"examples": [{"x": 1 << 63}]}, 400, "Only int64 is supported."),
        ("odd:classify", {"examples": [{"x": 1e39}]}, 400, "to float without loss of precision."),
        ("odd:classify", {"examples": [{"x": {"b64": "?"}}]}, 400, "Unable to base64 decode"),
        ("nope:regress", {"examples": [{"x": 1.0}]}, 404, "Servable not found"),
        (
            "enc:classify",
            {"examples": [{"x": 1.0}]},
            400,
            "Expected classification signature outputs",
        ),
    ],
)
def test_errors_of_examples(rest, model, body, code, message):
    status, answer = ask(rest, f"/v1/models/{model}", body)
    assert (status, message in answer["error"]) == (code, True), answer


@pytest.mark.parametrize(
    ("verb", "path", "code", "message"),
    [
        ("GET", "/v1/nonsense", 400, "Malformed request: GET /v1/nonsense"),
        ("GET", "/v1/models/enc:predict", 400, "Malformed request: GET /v1/models/enc:predict"),
        ("POST", "/v1/models:predict", 400, "Malformed request: POST /v1/models:predict"),
        ("POST", "/v1/models/enc/metadata", 400, "Malformed request: POST"),
        ("POST", "/v1/models/enc/versions/x:predict", 400, "Malformed request: POST"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models/nope", 404, "Could not find any versions of model nope"),
    ],
)
def test_errors_of_paths(rest, verb, path, code, message):
    status, answer = ask(rest, path, {} if verb == "POST" else None)
    assert (status, message in answer["error"]) == (code, True), answer


def test_metrics_count_requests(rest, target):
    with Client(target, "odd") as client:
        client.predict("two", a=[[1.0, 2.0]], b=[[3, 4]])
    status, text = ask(rest, "/monitoring/prometheus/metrics")
    if status == 404:
        pytest.skip("needs a server started with --monitoring_config_file")
    text = text.decode()
    assert ':tensorflow:serving:request_count{model_name="odd",status="OK"}' in text
    labels = 'model_name="odd",API="Predict",entrypoint="GRPC"'
    assert f":tensorflow:serving:request_latency_sum{{{labels}}}" in text
    assert f':tensorflow:serving:request_latency_bucket{{{labels},le="+Inf"}}' in text
