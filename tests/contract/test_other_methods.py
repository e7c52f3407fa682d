"""Metadata, status, reload, Classify, Regress and MultiInference, as TF Serving answers."""

from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)
from tensorflow_serving.config import model_server_config_pb2


def refused(call, request):
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=10)
    return caught.value.code().name, caught.value.details()


def metadata_of(name="enc", fields=("signature_def",)):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = name
    return request


def test_metadata_is_the_saved_models(prediction):
    answer = prediction.GetModelMetadata(metadata_of(), timeout=10)
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("enc", 2)
    assert answer.model_spec.signature_name == ""
    packed = answer.metadata["signature_def"]
    assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert packed.Unpack(signatures)
    assert set(signatures.signature_def) == {
        *("serving_default", "embed", "hash", "hash_query", "reconstruct", "score", "decode"),
        "__saved_model_init_op",
    }
    embed = signatures.signature_def["embed"]
    assert embed.method_name == "tensorflow/serving/predict"
    assert [dim.size for dim in embed.inputs["inputs"].tensor_shape.dim] == [-1, 8]
    start = signatures.signature_def["__saved_model_init_op"]
    assert (start.method_name, len(start.inputs)) == ("", 0)
    (output,) = start.outputs.values()
    assert output.dtype == 0
    assert output.tensor_shape.unknown_rank


def test_metadata_errors(prediction):
    call = prediction.GetModelMetadata
    empty = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    assert refused(call, empty) == ("INVALID_ARGUMENT", "Missing ModelSpec")
    assert refused(call, metadata_of(fields=())) == (
        "INVALID_ARGUMENT",
        "GetModelMetadataRequest must specify at least one metadata_field",
    )
    assert refused(call, metadata_of(fields=["foo"])) == (
        "INVALID_ARGUMENT",
        "Metadata field foo is not supported",
    )
    assert refused(call, metadata_of("nope")) == (
        "NOT_FOUND",
        "Servable not found for request: Latest(nope)",
    )
    assert refused(call, metadata_of("")) == (
        "INVALID_ARGUMENT",
        "ModelSpec has no name specified.",
    )


def status_of(name="enc", version=None, label=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    return request


def test_status_lists_the_highest_version_first(model_service):
    answer = model_service.GetModelStatus(status_of(), timeout=10)
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert [(e.version, e.state) for e in answer.model_version_status] == [
        (2, available),
        (1, available),
    ]
    assert all(entry.HasField("status") for entry in answer.model_version_status)
    assert all(entry.status.error_code == 0 for entry in answer.model_version_status)
    one = model_service.GetModelStatus(status_of(version=1), timeout=10)
    assert [entry.version for entry in one.model_version_status] == [1]
    labelled = model_service.GetModelStatus(status_of(label="whatever"), timeout=10)
    assert len(labelled.model_version_status) == 2


def test_status_errors(model_service):
    call = model_service.GetModelStatus
    assert refused(call, get_model_status_pb2.GetModelStatusRequest()) == (
        "INVALID_ARGUMENT",
        "Missing ModelSpec",
    )
    assert refused(call, status_of("nope")) == (
        "NOT_FOUND",
        "Could not find any versions of model nope",
    )
    assert refused(call, status_of(version=4)) == (
        "NOT_FOUND",
        "Could not find version 4 of model enc",
    )


def test_examples_on_a_predict_signature(prediction):
    classify = classification_pb2.ClassificationRequest()
    assert refused(prediction.Classify, classify) == ("INVALID_ARGUMENT", "Missing ModelSpec")
    for call, request, kind in (
        (prediction.Classify, classify, "classification"),
        (prediction.Regress, regression_pb2.RegressionRequest(), "regression"),
    ):
        request.model_spec.name = "odd"
        request.model_spec.signature_name = "fragile"
        request.input.example_list.examples.add()
        code, message = refused(call, request)
        assert code == "INVALID_ARGUMENT"
        assert message.startswith(f"No {kind} inputs found in SignatureDef: ")


def of_examples(request, signature, *values):
    request.model_spec.name = "odd"
    request.model_spec.signature_name = signature
    for value in values:
        example = request.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(value)
    return request


def test_classify_and_regress_examples(prediction):
    request = of_examples(classification_pb2.ClassificationRequest(), "classes", 0.25, 1)
    answer = prediction.Classify(request, timeout=10)
    assert (answer.model_spec.version.value, answer.model_spec.signature_name) == (1, "classes")
    assert [
        [(one.label, one.score) for one in entry.classes] for entry in answer.result.classifications
    ] == [[("small", 0.75), ("large", 0.25)], [("small", 0), ("large", 1)]]
    request = of_examples(regression_pb2.RegressionRequest(), "values", 0.25, 3)
    answer = prediction.Regress(request, timeout=10)
    assert [entry.value for entry in answer.result.regressions] == [0.5, 6]


def test_a_context_is_part_of_every_example(prediction):
    request = of_examples(regression_pb2.RegressionRequest(), "values")
    both = request.input.example_list_with_context
    both.context.features.feature["x"].float_list.value.append(4)
    both.examples.add()
    both.examples.add()
    answer = prediction.Regress(request, timeout=10)
    assert [entry.value for entry in answer.result.regressions] == [8, 8]


def test_multi_inference_answers_several_signatures(prediction):
    request = inference_pb2.MultiInferenceRequest()
    for method, signature in (("classify", "classes"), ("regress", "values")):
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name = "odd"
        task.model_spec.signature_name = signature
    example = request.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.append(0.5)
    first, second = prediction.MultiInference(request, timeout=10).results
    assert first.classification_result.classifications[0].classes[1].score == 0.5
    assert second.regression_result.regressions[0].value == 1


def test_multi_inference_knows_two_methods(prediction):
    request = inference_pb2.MultiInferenceRequest()
    task = request.tasks.add(method_name="tensorflow/serving/predict")
    task.model_spec.name = "odd"
    request.input.example_list.examples.add()
    assert refused(prediction.MultiInference, request) == (
        "UNIMPLEMENTED",
        "Unsupported signature method_name: tensorflow/serving/predict",
    )


@pytest.fixture
def reload(model_service, models_config):
    """Reloads the suite's configuration with changes; puts it back afterwards."""
    if not models_config:
        pytest.skip("needs --models DIR as written by tests/contract/publish.py")
    text = Path(models_config).read_text()

    def send(change=lambda config: None):
        request = model_management_pb2.ReloadConfigRequest()
        config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
        change(config.model_config_list.config[0])
        request.config.CopyFrom(config)
        return model_service.HandleReloadConfigRequest(request, timeout=60)

    yield send
    send()


def test_reload_sets_labels_of_available_versions(reload, prediction):
    def label(config):
        config.version_labels["stable"] = 1
        config.version_labels["canary"] = 2

    answer = reload(label)
    assert answer.HasField("status")
    assert answer.status.error_code == 0
    for name, version in (("stable", 1), ("canary", 2)):
        request = metadata_of()
        request.model_spec.version_label = name
        assert prediction.GetModelMetadata(request, timeout=5).model_spec.version.value == version
    reload()
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "enc"
    request.model_spec.version_label = "stable"
    assert refused(prediction.Predict, request) == (
        "INVALID_ARGUMENT",
        "Unrecognized servable version label: stable",
    )


def test_a_label_for_a_version_that_is_not_there_changes_nothing(reload, prediction):
    def label(config):
        config.version_labels["next"] = 7

    with pytest.raises(grpc.RpcError) as caught:
        reload(label)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.details() == (
        "Request to assign label to version 7 of model enc, which is not currently available for"
        " inference"
    )
    assert prediction.GetModelMetadata(metadata_of(), timeout=5).model_spec.version.value == 2


def test_reload_of_an_empty_configuration(model_service):
    assert refused(
        model_service.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest()
    ) == (
        "INVALID_ARGUMENT",
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList"
        " is currently supported",
    )
