# SPDX-License-Identifier: MIT
"""How Sphinx builds the site: Markdown pages, and reference pages made from the backend's own tables, docstrings and commands.

`make docs` builds it into build/docs. Sphinx and not MkDocs, since the reference of Python and of commands is read from the code here,
and a reference to a name that is gone is an error.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

from triton.backends.graft import __version__

project = "triton-graft"
author = "the triton-graft developers"
release = __version__
html_title = f"triton-graft {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click", "sphinx_copybutton", "sphinx_design", "graft_reference"]
exclude_patterns = ["extensions", "data", "diagrams"]

# -- Pages

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence"]
myst_heading_anchors = 3
# `--option` is not to become a dash.
smartquotes_action = "qe"

# -- Python

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
default_role = "code"
add_module_names = False

# -- Appearance

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_show_copyright = False
html_copy_source = False
# A block without a language is what something prints.
highlight_language = "none"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
