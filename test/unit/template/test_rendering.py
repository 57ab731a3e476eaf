# SPDX-License-Identifier: MIT
"""Folders of templates become files."""

import sys

import jinja2
import pytest
from triton.backends.graft.template.errors import TemplateError
from triton.backends.graft.template.names import Names
from triton.backends.graft.template.rendering import render

NAMES = Names("a_longer_name")


def rendered(files, **more):
    return render({path: content.encode() for path, content in files.items()}, NAMES, **more)


def test_names_stand_in_paths_and_contents():
    templates = {"include/{{ lower }}/{{ camel }}.h.jinja": "{{ upper }} {{ title }}\n"}
    assert rendered(templates) == {"include/a_longer_name/ALongerName.h": b"A_LONGER_NAME triton-a-longer-name\n"}


def test_a_file_that_is_no_template_is_copied_as_it_is():
    assert rendered({".hidden": "{{ lower }} {%"}) == {".hidden": b"{{ lower }} {%"}


def test_a_line_that_holds_a_condition_alone_leaves_nothing():
    templates = {"a.jinja": "1\n  {% if via == 'ttir' %}\n2\n  {% endif %}\n3\n\n"}
    assert rendered(templates, via="ttir") == {"a": b"1\n2\n3\n\n"}
    assert rendered(templates, via="ttgir") == {"a": b"1\n3\n\n"}


@pytest.mark.parametrize("path", ["a.jinja", "{{ unknown }}"])
def test_a_variable_that_nobody_gave_is_an_error(path):
    with pytest.raises(jinja2.UndefinedError, match="'unknown' is undefined"):
        rendered({path: "{{ unknown }}"})


def test_without_jinja2_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(TemplateError) as caught:
        rendered({})
    assert str(caught.value) == "writing a project needs Jinja: pip install 'triton-graft[new]'"
