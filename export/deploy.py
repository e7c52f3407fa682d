"""Deployment files for TF Serving: a compose file and Kubernetes manifests."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from string import Template

from export import serving_config

COMPOSE_FILE = "compose.yaml"
KUBERNETES_FILE = "kubernetes.yaml"

_COMPOSE = Template("""\
# docker compose up: TF Serving with gRPC on 8500, REST and metrics on 8501.
services:
  serving:
    image: $image
    command:
$flags
    ports:
      - "8500:8500"
      - "8501:8501"
    volumes:
      - type: bind
        source: $base
        target: /models
        read_only: true
      - type: bind
        source: ./config
        target: /config
        read_only: true
    healthcheck:
      # The port opens when every model has loaded.
      test: ["CMD", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8501"]
      interval: 5s
      start_period: 60s
    restart: unless-stopped
""")

_KUBERNETES = Template("""\
# kubectl apply -f kubernetes.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: tf-serving-config
data:
$config
---
${claim}apiVersion: apps/v1
kind: Deployment
metadata:
  name: tf-serving
  labels: {app: tf-serving}
spec:
  replicas: $replicas
  selector:
    matchLabels: {app: tf-serving}
  template:
    metadata:
      labels: {app: tf-serving}
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "8501"
        prometheus.io/path: /monitoring/prometheus/metrics
    spec:
      containers:
        - name: tf-serving
          image: $image
          command: ["tensorflow_model_server"]
          args:
$flags
          ports:
            - {name: grpc, containerPort: 8500}
            - {name: http, containerPort: 8501}
          # The status of the model; the port opens when every model has loaded and warmed up.
          startupProbe:
            httpGet: {path: /v1/models/$name, port: http}
            periodSeconds: 5
            failureThreshold: 120
          readinessProbe:
            httpGet: {path: /v1/models/$name, port: http}
            periodSeconds: 5
          resources:
            requests: {cpu: "$cpus", memory: 1Gi}
            limits: {memory: 4Gi}
          volumeMounts:
            - {name: config, mountPath: /config, readOnly: true}
${mount}      volumes:
        - name: config
          configMap: {name: tf-serving-config}
${volume}---
apiVersion: v1
kind: Service
metadata:
  name: tf-serving
spec:
  # Without an address of its own: gRPC clients keep connections, and balance over the pods.
  clusterIP: None
  selector: {app: tf-serving}
  ports:
    - {name: grpc, port: 8500, targetPort: grpc}
    - {name: http, port: 8501, targetPort: http}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: tf-serving
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: tf-serving}
  minReplicas: $replicas
  maxReplicas: $max_replicas
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: 70}
""")

_CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: models
spec:
  accessModes: [ReadOnlyMany]
  resources:
    requests: {storage: 10Gi}
---
"""


def write(
    base: str | os.PathLike[str],
    out: str | os.PathLike[str],
    image: str,
    labels: Mapping[str, Mapping[str, int]],
    bucket: str | None = None,
    replicas: int = 2,
    max_replicas: int = 8,
    cpus: int = 2,
) -> list[Path]:
    """Writes `config/`, `compose.yaml` and `kubernetes.yaml` for the models under a base folder.

    Args:
        base: The base folder given to `publish`.
        out: Folder to write to, made if absent.
        image: TF Serving's container image with its tag.
        labels: For each model its labels.
        bucket: URI of the base folder in an object store, for Kubernetes; a volume claim named
            `models` if omitted.
        replicas: Pods at least.
        max_replicas: Pods at most.
        cpus: CPU cores a pod.

    Returns:
        The files written.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If there are no models, a label is not usable, or the replicas contradict.
    """
    if not 1 <= replicas <= max_replicas:
        raise ValueError(f"replicas must be 1 to {max_replicas}. Received: {replicas}")
    base, out = Path(base).absolute(), Path(out)
    files = serving_config.write(base, out / "config", labels, "/models", cpus)
    flags = _flags(bool(labels))
    (out / COMPOSE_FILE).write_text(
        _COMPOSE.substitute(image=image, base=base, flags=_list(flags, 6)), encoding="utf-8"
    )
    texts = {file.name: file.read_text(encoding="utf-8") for file in files}
    if bucket:
        for name in (serving_config.MODELS_FILE, serving_config.LOAD_FILE):
            if name in texts:
                texts[name] = texts[name].replace('"/models/', f'"{bucket.rstrip("/")}/')
    claimed = not bucket
    manifests = _KUBERNETES.substitute(
        image=image,
        name=serving_config.model_names(base)[0],
        flags=_list(flags, 12),
        config="\n".join(
            f"  {name}: |\n{textwrap.indent(text.rstrip(), '    ')}" for name, text in texts.items()
        ),
        claim=_CLAIM if claimed else "",
        mount=_indented("- {name: models, mountPath: /models, readOnly: true}", 12) * claimed,
        volume=_indented(
            "- name: models\n  persistentVolumeClaim: {claimName: models, readOnly: true}", 8
        )
        * claimed,
        replicas=replicas,
        max_replicas=max_replicas,
        cpus=cpus,
    )
    (out / KUBERNETES_FILE).write_text(manifests, encoding="utf-8")
    return [*files, out / COMPOSE_FILE, out / KUBERNETES_FILE]


def _flags(labelled: bool) -> list[str]:
    return [
        "--port=8500",
        "--rest_api_port=8501",
        f"--model_config_file=/config/{serving_config.MODELS_FILE}",
        "--enable_batching=true",
        f"--batching_parameters_file=/config/{serving_config.BATCHING_FILE}",
        f"--monitoring_config_file=/config/{serving_config.MONITORING_FILE}",
        # The default, four a core, refuses calls beyond.
        "--grpc_max_threads=256",
        *(["--allow_version_labels_for_unavailable_models=true"] if labelled else []),
    ]


def _list(items: list[str], indent: int) -> str:
    return "\n".join(f"{' ' * indent}- {item}" for item in items)


def _indented(text: str, indent: int) -> str:
    return textwrap.indent(text, " " * indent) + "\n"
