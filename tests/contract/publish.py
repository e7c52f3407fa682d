"""Publishes the models that the contract tests expect.

python -m tests.contract.publish DIR
tensorflow_model_server --port=8500 --rest_api_port=8501 --model_config_file=DIR/models.config \\
    --monitoring_config_file=DIR/monitoring.config
python -m pytest tests/contract --target localhost:8500 --rest-target localhost:8501 --models DIR
"""

import sys
from pathlib import Path

CONFIG = """
  config {{
    name: "{name}" base_path: "{path}" model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
  }}
"""
METRICS = 'prometheus_config { enable: true, path: "/monitoring/prometheus/metrics" }\n'
NAMES = ("enc", "text", "odd")


def publish(base, onnx=False):
    """Writes the models `models.config` and `monitoring.config`; returns the path of the former."""
    from tests.serving import models

    base = Path(base).absolute()
    models.write_encoder(base / "enc", 1)
    models.write_encoder(base / "enc", 2, scale=2.0)
    models.write_text(base / "text")
    models.write_odd(base / "odd")
    if onnx:
        for version in ("enc/1", "enc/2", "odd/1"):
            models.write_onnx(base / version)
    entries = "".join(CONFIG.format(name=name, path=base / name) for name in NAMES)
    (base / "monitoring.config").write_text(METRICS)
    config = base / "models.config"
    config.write_text(f"model_config_list {{{entries}}}\n")
    return config


if __name__ == "__main__":
    print(publish(sys.argv[1], onnx="--onnx" in sys.argv[2:]))
