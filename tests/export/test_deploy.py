import pytest
from click.testing import CliRunner
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from export import deploy, versions
from export.cli import main

yaml = pytest.importorskip("yaml", reason="PyYAML reads the manifests")


@pytest.fixture
def base(tmp_path):
    for name in ("digits", "photos"):
        with versions.staging(tmp_path / "base", name) as staging:
            (staging.version / "variables").mkdir(parents=True)
            (staging.version / "variables/variables.index").touch()
            (staging.version / "saved_model.pb").touch()
            staging.commit()
    return tmp_path / "base"


def _write(base, out, *options):
    command = ["deploy", str(base), "--out", str(out), "--image", "serving:1", *options]
    return CliRunner().invoke(main, command)


@pytest.mark.parametrize(
    "options", [[], ["--bucket", "gs://b/models", "--label", "digits:stable=1"]]
)
def test_manifests_pass_the_schema_of_kubernetes(base, tmp_path, options):
    schemas = pytest.importorskip("kubernetes_validate", reason="has the schemas of Kubernetes")
    assert _write(base, tmp_path / "out", *options).exit_code == 0
    manifests = list(yaml.safe_load_all((tmp_path / "out/kubernetes.yaml").read_text()))
    for manifest in manifests:
        schemas.validate(manifest, "1.31", strict=True)
    kinds = {manifest["kind"]: manifest for manifest in manifests}
    claimed = set() if options else {"PersistentVolumeClaim"}
    assert set(kinds) == {
        "ConfigMap",
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
        *claimed,
    }
    config = text_format.Parse(
        kinds["ConfigMap"]["data"]["models.config"], model_server_config_pb2.ModelServerConfig()
    )
    root = "gs://b/models" if options else "/models"
    paths = [entry.base_path for entry in config.model_config_list.config]
    assert paths == [f"{root}/digits", f"{root}/photos"]
    (container,) = kinds["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/v1/models/digits", "port": "http"}
    allow = "--allow_version_labels_for_unavailable_models=true"
    assert (allow in container["args"]) == bool(options)


def test_compose_file_mounts_models_and_the_files_its_flags_name(base, tmp_path):
    schemas = pytest.importorskip("check_jsonschema.builtin_schemas", reason="has compose-spec's")
    jsonschema = pytest.importorskip("jsonschema")
    assert _write(base, tmp_path / "out").exit_code == 0
    compose = yaml.safe_load((tmp_path / "out/compose.yaml").read_text())
    schema = schemas.get_builtin_schema("vendor.compose-spec")
    jsonschema.validate(compose, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(compose | {"servces": {}}, schema)
    service = compose["services"]["serving"]
    mounts = {volume["target"]: volume["source"] for volume in service["volumes"]}
    assert mounts == {"/models": str(base), "/config": "./config"}
    named = [flag.split("=/config/")[1] for flag in service["command"] if "=/config/" in flag]
    assert len(named) == 3
    assert all((tmp_path / "out/config" / name).is_file() for name in named)


def test_refuses(base, tmp_path):
    with pytest.raises(ValueError, match=r"replicas must be 1 to 2. Received: 3"):
        deploy.write(base, tmp_path / "out", "i", {}, replicas=3, max_replicas=2)
    result = _write(tmp_path / "nowhere", tmp_path / "out")
    assert (result.exit_code, "no folder at" in result.stderr) == (2, True)
