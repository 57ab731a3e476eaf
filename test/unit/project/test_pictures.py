# SPDX-License-Identifier: MIT
"""The pictures of the docs are what their sources say, can be read, and are shown by a page. Diagrams say what is so."""

import importlib
import json
import re
import sys
import tomllib

import drawn
import pytest
from support import ROOT
from triton.backends.graft import wings
from triton.backends.graft.passes.steps import ORDER

matplotlib = pytest.importorskip("matplotlib")

sys.path.insert(0, str(ROOT / "tools"))
diagrams, pictures = map(importlib.import_module, ("diagrams", "pictures"))
sys.path.remove(str(ROOT / "tools"))

DRAWABLE = pictures.drawable()
FILES = [(name, dark) for name in DRAWABLE for dark in (False, True)]
DIAGRAMS = [name for name, picture in DRAWABLE.items() if picture.source.startswith("diagrams/")]

#: What `make build` installs.
PINNED = re.search(r'"matplotlib==([\d.]+)"', (ROOT / "pyproject.toml").read_text())[1]


def sheet_of(name, dark=False):
    picture = pictures.PICTURES[name]
    return picture.draw(picture.path, dark)


def diagram(name):
    return tomllib.loads((ROOT / "docs" / "diagrams" / f"{name}.toml").read_text())


# -- Files and pages


@pytest.mark.parametrize(("name", "dark"), FILES)
def test_a_picture_is_what_would_be_drawn(name, dark):
    """With another version of matplotlib than the pinned one, its texts are."""
    committed = (pictures.FOLDER / pictures.file_name(name, dark)).read_text()
    sheet = sheet_of(name, dark)
    texts = re.findall(r"<text [^>]*>(.*?)</text>", sheet.save(".svg").decode(), re.S)
    assert texts and re.findall(r"<text [^>]*>(.*?)</text>", committed, re.S) == texts, "run `make pictures`"
    if matplotlib.__version__ == PINNED:
        assert committed == sheet.save(".svg").decode(), "run `make pictures`"


def test_no_picture_is_left_over():
    expected = {pictures.file_name(name, dark) for name, dark in FILES}
    assert {path.name for path in pictures.FOLDER.iterdir()} == expected, "run `make pictures`"


@pytest.mark.parametrize("page", pictures.pages(), ids=lambda page: page.name)
def test_a_page_shows_the_pictures_that_it_names(page):
    text = page.read_text()
    assert pictures.updated(text, pictures.folder_from(page)) == text, "run `make pictures`"
    shown = re.findall(r'(?:srcset|src)="([^"]*)"', text)
    assert [path for path in shown if not (page.parent / path).is_file()] == []


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_is_named_by_a_page(name):
    assert any(f"<!-- picture: {name} -->" in page.read_text() for page in pictures.pages())


def test_a_page_that_names_an_unknown_picture_is_an_error():
    with pytest.raises(KeyError, match="nothing"):
        pictures.updated("<!-- picture: nothing -->\n", "pictures")


def test_what_shows_a_picture_is_written_once_and_again_goes_with_its_source(monkeypatch):
    page = "before\n<!-- picture: wings -->\nafter\n"
    shown = pictures.updated(page, "pictures")
    assert 'src="pictures/wings.svg"' in shown and 'srcset="pictures/wings-dark.svg"' in shown
    assert pictures.updated(shown, "pictures") == shown
    monkeypatch.setitem(pictures.PICTURES, "wings", pictures.PICTURES["wings"]._replace(source="data/nothing.json"))
    assert pictures.updated(shown, "pictures") == page


@pytest.mark.parametrize("name", DRAWABLE)
def test_every_text_of_a_picture_can_be_read(name):
    assert drawn.faults(sheet_of(name)) == []


# -- What the diagrams say


def test_the_diagram_of_wings_has_their_table_without_what_follows_from_others():
    def standing_on(wing):
        return {*wings.STANDS_ON[wing], *(name for below in wings.STANDS_ON[wing] for name in standing_on(below))}

    direct = {
        (wing, below)
        for wing, all_below in wings.STANDS_ON.items()
        for below in all_below
        if not any(below in standing_on(other) for other in all_below)
    }
    arrows = {tuple(arrow["path"]) for arrow in diagram("wings")["arrow"]}
    assert {(start, end) for start, end in arrows if end != "core"} == direct
    alone = {wing for wing, below in wings.STANDS_ON.items() if not below} - {"runtime"}  # which imports nothing of the core
    assert {start for start, end in arrows if end == "core"} == alone
    assert diagram("wings")["box"].keys() == {"core", *wings.STANDS_ON}


def test_the_diagram_of_a_compilation_names_our_passes_in_their_order():
    text = diagram("life-of-a-compilation")["box"]["passes"]["text"]
    names = [step.name.removeprefix("graft-") for step in wings.steps()]
    assert f"\n{', '.join(names)}. " in text and f"graft-{names[0]}" == ORDER


def test_the_diagram_of_a_compilation_has_the_stages_in_their_order():
    from triton.backends.graft.guard import verdict

    boxes = diagram("life-of-a-compilation")["box"].values()
    for row in (2, 3):
        lane = sorted((box["at"][0], box["text"].partition("\n")[0]) for box in boxes if box["at"][1] == row)
        stages = [name.lower().replace("llvm ir", "llir") for _, name in lane]
        assert [stage for stage in stages if stage != "verdict"] == ["ttir", *verdict._STAGES]


def test_the_diagram_of_a_compilation_has_the_verdicts_bound():
    from triton.backends.graft.guard import verdict

    assert f"less than {verdict._LONGER} times the code" in diagram("life-of-a-compilation")["box"]["verdict"]["text"]


def test_the_diagram_of_a_launch_has_the_steps_in_the_order_of_the_code():
    code = (ROOT / "lib" / "Launcher" / "Launch.cpp").read_text()
    body = code[code.index("Outcome Launch::go(") :]
    steps = {
        "surroundings": "readSurroundings()", "arguments": "readAll()", "variant": "findVariant(", "current": "checkGlobals()",
        "grid": "finish(",
    }  # fmt: skip
    places = [body.index(step) for step in steps.values()]
    assert places == sorted(places)
    boxes = diagram("life-of-a-launch")["box"]
    assert [boxes[name]["at"] for name in steps] == [[0, row] for row in range(1, 6)]


def test_the_diagram_of_a_look_up_has_every_kind_of_component_of_the_key():
    manual = (ROOT / "docs" / "cache.md").read_text()
    kinds = set(re.findall(r"^\| .*?`(\w+)(?:\.[\w*]+)?`", manual, re.M)) & {
        "source", "option", "file", "override", "knob", "environment", "tool", "target",
    }  # fmt: skip
    boxes = diagram("look-up")["box"]
    parts = " ".join(box["text"] for box in boxes.values() if box["at"][1] == 2)
    words = {
        "option": "options",
        "file": "libraries",
        "override": "overrides",
        "knob": "knobs",
        "environment": "variables",
        "tool": "ptxas",
    }
    assert len(kinds) == 8
    assert [kind for kind in kinds if words.get(kind, kind) not in parts] == []


# -- Drawing them


def test_an_arrow_that_leads_to_no_box_is_an_error():
    with pytest.raises(KeyError, match="b"):
        diagrams.draw_boxes(
            {"title": "A", "reading": "B", "columns": 1, "gap": [9, 9], "box": {"a": {"text": "a", "at": [0, 0]}},
             "arrow": [{"path": ["a", "b"]}]}
        )  # fmt: skip


def test_an_arrow_is_straight_where_boxes_face_each_other_and_has_one_bend_elsewhere():
    def box(left, top):
        return diagrams.Box(left, top, left + 10, top + 10, "plain", [])

    assert diagrams._points(box(0, 0), box(0, 30)) == [(5, 10), (5, 30)]
    assert diagrams._points(box(0, 30), box(0, 0)) == [(5, 30), (5, 10)]
    assert diagrams._points(box(30, 0), box(0, 0)) == [(30, 5), (10, 5)]
    assert diagrams._points(box(0, 0), box(30, 30)) == [(10, 5), (35, 5), (35, 30)]
    assert diagrams._points(box(30, 30), box(0, 0)) == [(30, 35), (5, 35), (5, 10)]


def test_a_line_of_mermaid_that_is_not_drawn_is_an_error():
    with pytest.raises(ValueError, match=r"^'loop for ever': expected participant, ->>, -->>, Note over, opt or end$"):
        diagrams.parse_calls("sequenceDiagram\n  loop for ever\n")


def test_calls_are_read_with_their_ends():
    text = "sequenceDiagram\n participant A as a\n A->>B: f\n opt maybe\n B-->>A: g\n end\n"
    assert [tuple(call) for call in diagrams.parse_calls(text)] == [
        ("participant", "A", "", "a"), ("call", "A", "B", "f"), ("opt", "", "", "maybe"), ("answer", "B", "A", "g"), ("end", "", "", ""),
    ]  # fmt: skip


# -- Plots of the docs


def libraries():
    rows = [
        {"library": "Liger-Kernel", "operator": "rms_norm", "size": "large", "fwd": 2.0, "full": 1.5},
        {"library": "Liger-Kernel", "operator": "rms_norm", "size": "tiny", "fwd": 1.5},
        {"library": "flash-linear-attention", "operator": "gla", "size": "large", "fwd": 0.8},
    ]
    return {"facts": {"GPU": "NVIDIA H200", "liger-kernel": "0.8.5"}, "command": "measured by hand", "rows": rows}


def test_operators_of_libraries_are_drawn_by_library_for_one_size():
    large, tiny = (pictures.draw_libraries(libraries(), size) for size in ("large", "tiny"))
    assert drawn.faults(large) == drawn.faults(tiny) == []
    said = {"NVIDIA H200 · liger-kernel 0.8.5", "measured by hand"}
    assert {"Liger-Kernel", "flash-linear-attention", "rms_norm", "gla", *said} <= set(drawn.texts(large))
    assert not {"flash-linear-attention", "gla"} & set(drawn.texts(tiny))


def test_the_facts_of_a_machine_can_be_given_with_the_operators():
    document = libraries() | {"facts": {"GPU": "NVIDIA H200", "liger-kernel": "0.8.5"}, "command": "measured by hand"}
    assert {"NVIDIA H200 · liger-kernel 0.8.5", "measured by hand"} <= set(
        drawn.texts(pictures.draw_libraries(document, "large"))
    )


def test_the_picture_of_launches_has_some_of_the_rows(tmp_path):
    rows = ["few", "many", "freeze"]
    results = [
        {
            "row": row,
            "row_label": row,
            "tensors": "",
            "side": side,
            "side_label": side,
            "ratio": 1.5,
            "median": 3.5,
            "rounds": [3.5],
        }
        for row in rows
        for side in ("c-loop", "graft")
    ]
    document = {"benchmark": "launch", "title": "Launches", "command": "graft bench launch", "facts": {}, "results": results}
    (tmp_path / "launch.json").write_text(json.dumps(document))
    texts = drawn.texts(pictures.PICTURES["launch"].draw(tmp_path / "launch.json", False))
    assert "few" in texts and "freeze" in texts and "many" not in texts
