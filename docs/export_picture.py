"""Draws docs/export.svg from a version that is really there.

python docs/export_picture.py models/digits/1 docs/export.svg
"""

from __future__ import annotations

import html
import sys
from pathlib import Path

ROLES = {
    "saved_model.pb": "graph of every signature; text vocabularies",
    "fingerprint.pb": "TensorFlow's own checksums",
    "variables": "weights that an endpoint reads, and no other",
    "variables.index": "names, shapes and places",
    "variables.data-00000-of-00001": "the numbers",
    "assets": "files of the graph; none here",
    "assets.extra": "what servers and people read beside the model",
    "tf_serving_warmup_requests": "run by TF Serving before the version is available",
    "golden.tfrecord": "requests and answers that any server must reproduce",
    "model_card.json": "variant, code, signatures, metrics, checks, digests",
}
LINE, LEFT, INDENT, NOTE = 30, 24, 28, 440


def main(version: str, out: str) -> None:
    """Writes the picture."""
    root = Path(version)
    paths = sorted(root.rglob("*"), key=lambda path: path.relative_to(root).parts)
    lines = [(0, f"{root.parent.name}/", "name of the model, chosen on publishing", False)]
    lines.append((1, f"{root.name}/", "version: appears whole, in one rename", False))
    for path in paths:
        depth = len(path.relative_to(root).parts) + 1
        size = "" if path.is_dir() else f"{path.stat().st_size / 1024:,.0f} KiB"
        name = path.name + ("/" if path.is_dir() else "")
        lines.append((depth, name, ROLES.get(path.name, ""), size))
    lines.append((1, ".retired-N/", "set aside by rollback; servers ignore it", False))
    lines.append((1, ".publishing-PID-…/", "the next version while it is built and checked", False))
    height = LINE * len(lines) + 36
    rows = []
    for i, (depth, name, note, size) in enumerate(lines):
        y = 38 + LINE * i
        hidden = name.startswith(".")
        colour = "#8a8f98" if hidden else "#1f4e79" if name.endswith("/") else "#222"
        weight = "600" if name.endswith("/") and not hidden else "400"
        x = LEFT + INDENT * depth
        if depth:
            rows.append(f'<path d="M{x - 18} {y - 24}v19h12" fill="none" stroke="#b9c0ca"/>')
        rows.append(
            f'<text x="{x}" y="{y}" fill="{colour}" font-weight="{weight}" '
            f'font-family="ui-monospace,Menlo,monospace">{html.escape(name)}</text>'
        )
        if size:
            rows.append(
                f'<text x="{NOTE - 16}" y="{y}" fill="#8a8f98" text-anchor="end" font-size="12">'
                f"{size}</text>"
            )
        rows.append(f'<text x="{NOTE}" y="{y}" fill="#444">{html.escape(note)}</text>')
    Path(out).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="860" height="{height}" '
        f'viewBox="0 0 860 {height}" font-family="system-ui,sans-serif" font-size="14">\n'
        f'<rect width="860" height="{height}" rx="8" fill="#fbfcfd" stroke="#d8dde4"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python docs/export_picture.py models/NAME/VERSION PICTURE.svg")
    main(*sys.argv[1:])
