"""`python -m serving index` and `search`: files in, files and pages out, with a real server."""

import base64
import io
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
from click.testing import CliRunner

from serving.cli import main
from serving.index import HashIndex
from serving.page import LIMIT, ResultPage
from tests.serving import models


def run(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


def answer(*args):
    result = run(*args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def refused(*args):
    """The one line of an error of bad input."""
    result = run(*args)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    return result.stderr


PAYLOADS = [{"label": "ü\n"}, None, 3, *["x"] * 37]


@pytest.fixture
def folder(tmp_path):
    """`codes.npy`, 40 codes of 16 bits; `ids.npy`; `payloads.jsonl`."""
    rng = np.random.default_rng(5)
    np.save(tmp_path / "codes.npy", rng.integers(0, 256, (40, 2), np.uint8))
    np.save(tmp_path / "ids.npy", rng.permutation(1000)[:40])
    lines = ["" if value is None else json.dumps(value) for value in PAYLOADS]
    (tmp_path / "payloads.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def built(folder, *options):
    args = (folder / "codes.npy", "--ids", folder / "ids.npy", *options)
    return answer("index", "build", folder / "index", *args)


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_what_is_exported_is_imported(folder, suffix):
    built(folder, "--payloads", folder / "payloads.jsonl")
    file = folder / f"entries{suffix}"
    exported = answer("index", "export", folder / "index", file)
    assert exported["exported"] == 40
    assert exported["bytes"] == file.stat().st_size
    imported = answer("index", "import", folder / "other", file)
    assert (imported["imported"], imported["codes"], imported["bits"]) == (40, 40, 16)
    ids = np.load(folder / "ids.npy")
    with HashIndex.open(folder / "other", readonly=True) as other:
        np.testing.assert_array_equal(other.codes(ids), np.load(folder / "codes.npy"))
        assert other.payloads(ids) == PAYLOADS
    assert "already in the index" in refused("index", "import", folder / "other", file)
    assert answer("index", "import", folder / "other", file, "--replace")["codes"] == 40
    assert "16 bits" in refused("index", "import", folder / "other", file, "--bits", 12)


def test_a_file_that_does_not_say_its_bits(folder):
    file = folder / "plain.npz"
    np.savez(file, ids=np.arange(40), codes=np.load(folder / "codes.npy"))
    assert "give --bits" in refused("index", "import", folder / "index", file)
    assert not (folder / "index").exists()
    assert answer("index", "import", folder / "index", file, "--bits", 16)["bits"] == 16
    assert answer("index", "import", folder / "index", file, "--replace")["codes"] == 40


def test_payloads_of_an_add(folder):
    built(folder)
    np.save(folder / "more.npy", np.arange(2000, 2040))
    args = ("index", "add", folder / "index", folder / "codes.npy", "--ids")
    payloads = ("--payloads", folder / "payloads.jsonl")
    assert answer(*args, folder / "more.npy", *payloads)["codes"] == 80
    (folder / "mixed.txt").write_text("\n".join(map(str, [7000, *range(2001, 2040)])))
    assert "already in the index" in refused(*args, folder / "mixed.txt", *payloads)
    with HashIndex.open(folder / "index", readonly=True) as index:
        assert index.payloads(np.arange(2000, 2040)) == PAYLOADS
        assert len(index) == 80
        assert 7000 not in index


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("--payloads", '"a"\n\n', "received 2 payloads for 40 codes"),
        ("--payloads", "1\n" * 6 + "{broken\n" + "1\n" * 33, "line 7 is not JSON"),
        ("--payloads", "NaN\n" * 40, "JSON"),
        ("--ids", "1\n" * 40, "id 1 more than once"),
        ("--ids", "1\nboot\n", "ids must be whole numbers, one a line"),
        ("--ids", "1\n2\n", "received int64 [2]; ids must be int64 [40], one a code"),
        ("--bits", "12", "bits"),
        ("--bits", "513", "8<=x<=512"),
    ],
)
def test_bad_input_of_a_build_leaves_nothing(folder, option, content, message):
    value = content
    if option != "--bits":
        value = folder / "bad.txt"
        value.write_text(content)
    before = sorted(folder.iterdir())
    result = run("index", "build", folder / "index", folder / "codes.npy", option, value)
    assert result.exit_code == 2
    assert message in result.stderr
    assert sorted(folder.iterdir()) == before


def test_a_full_disk_leaves_nothing(folder):
    before = sorted(folder.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
        result = run("index", "build", folder / "index", folder / "codes.npy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.exit_code == 1
    assert "File too large" in result.stderr
    assert sorted(folder.iterdir()) == before


def test_a_kill_leaves_no_part_of_a_new_index(folder):
    """Killed when all is added, before the index is put in its place."""
    args = ["index", "build", str(folder / "index"), str(folder / "codes.npy")]
    code = f"""
import os, signal
from serving.cli import main
from serving.index import HashIndex
add = HashIndex.add
HashIndex.add = lambda *a, **k: (add(*a, **k), os.kill(os.getpid(), signal.SIGKILL))
main({args!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert not (folder / "index").exists()
    (left,) = folder.glob(".index.*.partial")
    of_a_living_one = folder / f".index.{os.getppid()}.partial"
    of_another_index = folder / ".index2.99999999.partial"
    for path in (of_a_living_one, of_another_index):
        path.mkdir()
    assert answer(*args)["codes"] == 40
    assert not left.exists()
    assert of_a_living_one.is_dir()
    assert of_another_index.is_dir()
    assert "exists already" in refused(*args)


def test_a_terminal_sees_what_is_done(folder):
    args = ["index", "build", str(folder / "index"), str(folder / "codes.npy"), "--json"]
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "serving", *args],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "building " in shown
    assert "100%" in shown
    assert json.loads(done.stdout)["codes"] == 40


def test_info_lists_segments(folder):
    built(folder)
    assert answer("index", "info", folder / "index")["log"] == {"records": 1, "entries": 40}
    run("index", "compact", folder / "index")
    info = answer("index", "info", folder / "index")
    assert [segment["entries"] for segment in info["segments"]] == [40]
    table = run("index", "info", folder / "index").output
    assert re.search(r"segment-\d+ +40 +0 +0", table)


@pytest.fixture
def searched(server, tmp_path):
    """`rows.npy`, inputs as 2 x 4 images in float; their codes in `index`, ids 0 to 59."""
    rows = np.random.default_rng(3).normal(size=(60, models.FEATURES)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    np.save(tmp_path / "queries.npy", rows[:5] + 0.2)
    np.savez(tmp_path / "images.npz", x=rows.reshape(-1, 2, 4), y=np.zeros(60))
    (tmp_path / "labels.jsonl").write_text("".join(f'"label <{i}>"\n' for i in range(60)))
    where = ("--server", server.address)
    assert (
        run("hash", "enc", tmp_path / "rows.npy", "--out", tmp_path / "c.npy", *where).exit_code
        == 0
    )
    index = tmp_path / "index"
    answer("index", "build", index, tmp_path / "c.npy", "--payloads", tmp_path / "labels.jsonl")
    return ("search", "enc", index, tmp_path / "queries.npy", *where)


def activations(folder, name):
    matrix = models.weights() * 2  # version 2 of the served model
    return np.load(folder / name) @ matrix


def test_margins_rank_by_the_confidence_of_the_query(searched, tmp_path):
    """The index was built with whole bytes, 16 bits; the model has 12."""
    entries, queries = activations(tmp_path, "rows.npy"), activations(tmp_path, "queries.npy")
    differs = (queries > 0)[:, None] != (entries > 0)[None]
    wanted = (np.abs(queries)[:, None] * differs).sum(-1)
    for query, row in enumerate(answer(*searched, "-k", 7, "--margin")):
        np.testing.assert_allclose(row["distances"], np.sort(wanted[query])[:7], rtol=1e-4)
        np.testing.assert_allclose(wanted[query, row["ids"]], row["distances"], rtol=1e-4)
        assert row["hamming"] == differs[query, row["ids"]].sum(-1).tolist()
    assert "leave out --margin or --radius" in refused(*searched, "--margin", "--radius", 2)


def test_a_model_without_hash_query_has_no_margins(server, searched):
    line = refused("search", "text", *searched[2:], "--margin")
    assert "model text has no signature 'hash_query'" in line


@pytest.mark.parametrize("options", [(), ("--radius", 16), ("--margin",)])
def test_among_searches_these_ids_only(searched, tmp_path, options):
    some = [3, 50, 7, 999]
    (tmp_path / "some.txt").write_text("\n".join(map(str, some)))
    np.save(tmp_path / "some.npy", some)
    full = answer(*searched, "-k", 60, *options)
    for file in ("some.txt", "some.npy"):
        found = answer(*searched, "--among", tmp_path / file, *options)
        for row, whole in zip(found, full, strict=True):
            assert row["ids"] == [i for i in whole["ids"] if i in some]


def test_where_takes_entries_whose_payload_passes(searched, tmp_path):
    full = answer(*searched, "-k", 60)
    for options in ((), ("--radius", 16), ("--margin",)):
        found = answer(*searched, *options, "-k", 4, "--where", ".=label <7>")
        assert [row["ids"] for row in found] == [[7]] * 5
    found = answer(*searched, "-k", 60, "--where", ".!=label <7>", "--where", ".<=label <4>")
    for row, whole in zip(found, full, strict=True):
        passing = [i for i in whole["ids"] if f"label <{i}>" <= "label <4>" and i != 7]
        assert row["ids"] == passing
    assert "a condition is a field, one of = != <" in refused(*searched, "--where", "label")
    assert "leave out --where" in refused(*searched, "--where", "a=1", "--explain")


def test_explain_says_the_way_and_its_cost(searched, tmp_path):
    (tmp_path / "some.txt").write_text("3\n50\n")
    for options in ((), ("--radius", 1), ("--margin",)):
        for row in answer(*searched, "--explain", *options):
            assert [step["method"] for step in row["explain"]] == ["scan"]
            assert row["explain"][0]["candidates"] == 60
            assert row["explain"][0]["microseconds"] > 0
        for row in answer(*searched, "--explain", "--among", tmp_path / "some.txt", *options):
            assert set(row["ids"]) <= {3, 50}
            assert len(row["explain"]) == 1
    table = run(*searched, "--explain").output
    assert re.search(r"query +way +entries.*compared +microseconds", table)
    assert len(re.findall(r"\d +scan +60 ", table)) == 5


def test_tables_show_every_entry_and_every_empty_query(searched, tmp_path):
    lines = run(*searched, "-k", 2, "--payloads").output.splitlines()
    assert lines[0].split() == ["query", "id", "distance", "payload"]
    assert len(lines) == 1 + 5 * 2
    first = answer(*searched, "-k", 2, "--payloads")[0]
    assert first["payloads"] == [f"label <{i}>" for i in first["ids"]]
    assert lines[1].split() == [
        "0",
        str(first["ids"][0]),
        str(first["distances"][0]),
        "label",
        f"<{first['ids'][0]}>",
    ]
    np.save(tmp_path / "none.npy", [999])
    empty = run(*searched, "--among", tmp_path / "none.npy").output
    assert [line.split() for line in empty.splitlines()[1:]] == [[str(i), "none"] for i in range(5)]
    np.save(tmp_path / "queries.npy", np.zeros((0, models.FEATURES), np.float32))
    assert run(*searched).exit_code == 0


@pytest.mark.parametrize("width", [1200, 400])
def test_page_in_a_browser(searched, tmp_path, browser, width):
    """Every picture shows and is described; captions are the distances; nothing is fetched."""
    page = tmp_path / "deep" / "found.html"
    options = ("-k", 6, "--margin", "--payloads", "--explain", "--page", page)
    found = answer(*searched, *options, "--images", tmp_path / "images.npz", "--images-key", "x")
    view = browser.new_page(viewport={"width": width, "height": 800})
    problems = []
    view.on("console", lambda message: problems.append(message.text))
    view.on("request", lambda request: problems.append(request.url))
    view.goto(page.as_uri())
    images = view.locator("img")
    assert images.count() == 5 * (1 + 6)
    assert images.evaluate_all(
        "all => all.every(i => i.complete && i.naturalWidth == 4 && i.naturalHeight == 2 && i.alt)"
    )
    for section, row in zip(view.locator("section").all(), found, strict=True):
        captions = section.locator("figcaption").all_inner_texts()
        bits = [f"{n} bit" if n == 1 else f"{n} bits" for n in row["hamming"]]
        assert captions == [
            "query",
            *(f"{i}: {b}\nlabel <{i}>" for i, b in zip(row["ids"], bits, strict=True)),
        ]
        assert "scan: 60 of 60 codes compared" in section.inner_text()
    assert "the 6 nearest of 60 codes of 16 bits, ranked by margins" in view.inner_text("body")
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert [p for p in problems if not p.startswith(("file:", "data:"))] == []
    view.close()


def pictures(path):
    for data in re.findall(r"base64,([^\"]+)", path.read_text()):
        yield np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 1), (3, 5, 3), (3, 5, 4)])
@pytest.mark.parametrize("kind", ["uint8", "unit", "signed", "wide"])
def test_pictures_keep_their_pixels(tmp_path, shape, kind):
    pixels = np.random.default_rng(1).integers(0, 256, (4, *shape), np.uint8)
    pixels.flat[:2] = 0, 255
    rows = {
        "uint8": pixels,
        "unit": pixels / 255,
        "signed": pixels / 127.5 - 1,
        "wide": pixels * 257.0,
    }[kind]
    page = ResultPage(rows[:1].reshape(1, -1), rows, "images.npy")
    page.write(tmp_path / "p.html", "m", "s", [{"ids": [2, 0], "distances": [0, 1]}], [])
    want = pixels[..., 0] if shape[2:] == (1,) else pixels
    for have, place in zip(pictures(tmp_path / "p.html"), (0, 2, 0), strict=True):
        np.testing.assert_array_equal(have, want[place])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_queries_are_as_bright_as_entries(tmp_path, dtype):
    """Digits of 16 grey levels span black to white; a dark query of theirs stays dark."""
    images = np.array([[[0, 4], [8, 16]]], dtype)
    page = ResultPage(images // 2, images, "images.npy")
    page.write(tmp_path / "p.html", "m", "s", [{"ids": [0], "distances": [0]}], [])
    query, entry = pictures(tmp_path / "p.html")
    assert entry.tolist() == [[0, 64], [128, 255]]
    assert query.tolist() == [[0, 32], [64, 128]]


def test_a_folder_of_image_files_is_shown_smaller(tmp_path):
    file = io.BytesIO()
    PIL.Image.new("L", (800, 400), 7).save(file, format="png")
    page = ResultPage([file.getvalue()], [file.getvalue()] * 2, "folder")
    page.write(tmp_path / "p.html", "m", "s", [{"ids": [1], "distances": [0]}], [])
    assert [picture.shape[:2] for picture in pictures(tmp_path / "p.html")] == [(96, 192)] * 2
    with pytest.raises(ValueError, match="folder: the image in place 0 can't be read"):
        ResultPage([file.getvalue()], [b"no image"], "folder").write(
            tmp_path / "q.html", "m", "s", [{"ids": [0], "distances": [0]}], []
        )
    assert not (tmp_path / "q.html").exists()


def test_a_page_says_what_it_leaves_out(tmp_path):
    images = np.zeros((LIMIT + 20, 2, 2), np.uint8)
    row = {"ids": [*range(LIMIT + 20)], "distances": [1] * (LIMIT + 20)}
    few = {"ids": [], "distances": []}
    page = ResultPage(images[: LIMIT + 1], images, "images.npy")
    page.write(tmp_path / "p.html", "m", "s", [row, *[few] * LIMIT], [])
    text = (tmp_path / "p.html").read_text()
    assert f"The first {LIMIT} of {LIMIT + 1} queries." in text
    assert f"The first {LIMIT} of {LIMIT + 20} found." in text
    assert text.count("<img") == 2 * LIMIT
    assert text.count("Nothing found.") == LIMIT - 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((60, 8)), "images must be [n, height, width]"),
        (np.zeros((60, 2, 2, 2)), "received rows of shape [60, 2, 2, 2]"),
        (np.zeros((60, 3, 3)), "QUERIES: received rows of shape [5, 8]"),
        (np.full((60, 2, 4), "x"), "pixels must be numbers"),
        (np.zeros((2, 2, 4)), "holds 2 images and none of id"),
        ("a line", "received lines of text"),
        (None, "--page and --images go together"),
    ],
)
def test_images_that_do_not_fit_write_no_page(searched, tmp_path, content, message):
    options = ["--page", tmp_path / "p.html"]
    if isinstance(content, str):
        (tmp_path / "i.txt").write_text(content)
        options += ["--images", tmp_path / "i.txt"]
    elif content is not None:
        np.save(tmp_path / "i.npy", content)
        options += ["--images", tmp_path / "i.npy"]
    before = sorted(tmp_path.iterdir())
    assert message in refused(*searched, *options)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["build", "add", "import", "export", "info", "compact"])
def test_help_has_examples(command):
    result = run("index", command, "--help")
    assert result.exit_code == 0
    assert f"python -m serving index {command}" in result.output
