# SPDX-License-Identifier: MIT
"""The pages of the manual, with the blocks that need a GPU."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import doc_pages


@pytest.mark.parametrize("page", doc_pages.PAGES)
def test_a_reader_with_a_gpu_gets_through_the_page(page, tmp_path):
    assert doc_pages.run_page(page, tmp_path, with_gpu=True)
