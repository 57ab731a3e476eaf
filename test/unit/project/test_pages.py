# SPDX-License-Identifier: MIT
"""Whoever goes through a page of the manual from the top sees what the page says."""

import doc_pages
import pytest

#: Pages of which most needs a GPU: test/gpu goes through them.
ON_A_DEVICE = {"docs/howto/tuning.md"}


@pytest.mark.parametrize(
    "page", [page if page == "docs/howto/cache.md" else pytest.param(page, marks=pytest.mark.slow) for page in doc_pages.PAGES]
)
def test_a_reader_without_a_gpu_gets_through_the_page(page, tmp_path):
    assert doc_pages.run_page(page, tmp_path, with_gpu=False) or page in ON_A_DEVICE


@pytest.mark.parametrize("page", doc_pages.PAGES)
def test_a_page_has_blocks_that_run_and_others_of_text_alone(page):
    blocks = doc_pages.blocks(page)
    assert {block.language for block in blocks} <= {"python", "sh"}
    assert not [block for block in blocks if block.file and block.expected and not block.needs_gpu]
