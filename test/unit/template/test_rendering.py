# SPDX-License-Identifier: MIT
"""Folders of templates become files."""

import sys

import jinja2
import pytest
from triton.backends.graft.template.errors import TemplateError
from triton.backends.graft.template.names import Names
from triton.backends.graft.template.rendering import render

NAMES = Names("a_longer_name")


@pytest.fixture
def folder(tmp_path):
    """A folder of templates, which are given by their paths."""

    def write(**files):
        for path, content in files["files"].items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        return tmp_path

    return write


def test_names_stand_in_paths_and_contents(folder):
    templates = folder(files={"include/{{ lower }}/{{ camel }}.h.jinja": "{{ upper }} {{ title }}\n"})
    assert render(templates, NAMES) == {"include/a_longer_name/ALongerName.h": b"A_LONGER_NAME triton-a-longer-name\n"}


def test_a_file_that_is_no_template_is_copied_as_it_is(folder):
    assert render(folder(files={".hidden": "{{ lower }} {%"}), NAMES) == {".hidden": b"{{ lower }} {%"}


def test_a_line_that_holds_a_condition_alone_leaves_nothing(folder):
    templates = folder(files={"a.jinja": "1\n  {% if via == 'ttir' %}\n2\n  {% endif %}\n3\n\n"})
    assert render(templates, NAMES, via="ttir") == {"a": b"1\n2\n3\n\n"}
    assert render(templates, NAMES, via="ttgir") == {"a": b"1\n3\n\n"}


@pytest.mark.parametrize("path", ["a.jinja", "{{ unknown }}"])
def test_a_variable_that_nobody_gave_is_an_error(path, folder):
    with pytest.raises(jinja2.UndefinedError, match="'unknown' is undefined"):
        render(folder(files={path: "{{ unknown }}"}), NAMES)


def test_without_jinja2_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(TemplateError) as caught:
        render(tmp_path, NAMES)
    assert str(caught.value) == "writing a project needs Jinja: pip install 'triton-graft[new]'"
