# SPDX-License-Identifier: MIT
"""The page of `graft explain --html` in a browser: choosing a line marks what it becomes, or what it comes from."""

import os
import shutil

import pytest
from pages import number_of, page_of, write_kernels

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (pip install selenium)")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="there is no Chromium with its driver (apt-get install chromium chromium-driver)"
    ),
    pytest.mark.xdist_group("chromium"),
]

#: What Chromium does without in a container, and what it would ask the network for.
_SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=1600,1000",
)  # fmt: skip
STAGES = ("ttir", "ttgir", "llir", "ptx")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A browser without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*_SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(switch)
    log = webdriver.ChromeService(executable_path=DRIVER, log_output=os.devnull)
    driver = webdriver.Chrome(options=options, service=log)
    yield driver
    driver.quit()


class Page:
    """A page that is open in *browser*."""

    def __init__(self, browser, address):
        self.browser, self.address = browser, address
        self.open()

    def open(self, line=""):
        self.browser.get("about:blank")
        self.browser.get(f"{self.address}#{line}" if line else self.address)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def ids(self, selector):
        """The ids of all that *selector* finds, in order."""
        return [one.get_attribute("id") for one in self.browser.find_elements(By.CSS_SELECTOR, selector)]

    def marked(self, stage, kind="chosen"):
        """The ids of lines of *stage*, or of the `source`, that are marked."""
        return self.ids(f".column.source .{kind}" if stage == "source" else f"#{stage} .{kind}")

    def coded(self, stage, code):
        """The ids of the lines of *stage* with this code."""
        program = "return [...document.querySelectorAll(`#${arguments[0]} .line`)].map(one => [one.id, one.querySelector('code').textContent])"
        return [name for name, text in self.browser.execute_script(program, stage) if code in text]

    def press(self, pane, *keys):
        """Presses keys while *pane* has the focus."""
        self.browser.execute_script("document.querySelector(arguments[0]).focus()", pane)
        ActionChains(self.browser).send_keys(*keys).perform()

    @property
    def status(self):
        return self.find(".status").text


@pytest.fixture
def show(chromium, tmp_path):
    """Opens the page of a kernel."""

    def show(name):
        file = tmp_path / "a page #1.html"
        file.write_text(page_of(write_kernels(tmp_path), name))
        return Page(chromium, file.as_uri())

    return show


def own(text):
    return f"L{number_of(text)}"


def test_choosing_a_line_of_source_marks_what_comes_from_it_in_every_stage(show):
    page = show("add")
    page.find(f"#{own('tl.store(out + offs, a + b')} code").click()
    assert page.marked("source") == [own("tl.store(out + offs, a + b")]
    for stage, code in zip(STAGES, ("tt.store", "tt.store", "st.global", "st.global"), strict=True):
        marked = page.marked(stage)
        stores = page.coded(stage, code)
        assert stores and set(stores) <= set(marked)
        assert not set(marked) & {*page.coded(stage, "tt.load"), *page.coded(stage, "ld.global")}
        assert marked == page.ids(f'#{stage} [data-at="{own("tl.store(out + offs, a + b")}"]')
        assert not page.marked(stage, "call")
        assert page.find(f'[aria-controls="{stage}"] .count').text == str(len(marked))


def test_choosing_a_call_marks_what_comes_through_it_in_another_way(show):
    page = show("add")
    call, other = own("a = read("), own("b = read(")
    page.find(f"#{call} code").click()
    for stage, code in zip(STAGES, ("tt.load", "tt.load", "ld.global", "ld.global"), strict=True):
        loads = set(page.coded(stage, code))
        assert set(page.marked(stage, "call")) & loads == set(page.ids(f'#{stage} [data-at$=" {call}"]')) & loads
        assert len(set(page.marked(stage, "call")) & loads) == len(loads) / 2
        assert set(page.marked(stage)) == set(page.ids(f'#{stage} [data-at="{call}"]'))
        assert not set(page.ids(f'#{stage} [data-at*="{other}"]')) & {*page.marked(stage), *page.marked(stage, "call")}


def test_choosing_a_line_of_ir_marks_its_line_of_source_and_the_calls(show):
    page = show("add")
    page.find("#ptx .pane").click()
    load = page.coded("ptx", "ld.global")[0]
    page.find(f"#{load} code").click()
    inner, call = page.find(f"#{load}").get_attribute("data-at").split()
    assert (inner, call) == (own("return tl.load"), own("a = read("))
    assert (page.marked("source"), page.marked("source", "call")) == ([inner], [call])
    for stage in STAGES:
        assert page.marked(stage) == page.ids(f'#{stage} [data-at="{inner} {call}"]') != []
    number = load.partition("-")[2]
    assert page.status.startswith(f"PTX line {number} comes from kernels_")
    assert page.status.endswith(f".py:{call[1:]}") and ", called from " in page.status


def test_a_line_that_comes_from_nowhere_says_so(show):
    page = show("add")
    page.find("#ptx-1 code").click()
    assert page.marked("ptx") == ["ptx-1"] and not page.marked("source")
    assert page.status == "PTX line 1: the compiler does not say where it comes from"


def test_the_address_of_a_page_may_name_a_line(show):
    page = show("add")
    page.open(own("a = read("))
    assert page.marked("source") == [own("a = read(")] and page.marked("ttir", "call")
    page.open("ttir-5")
    assert "ttir-5" in page.marked("ttir")
    assert page.find("#ttir").is_displayed()
    page.find(f"#{own('b = read(')} code").click()
    assert page.browser.current_url.endswith(f"#{own('b = read(')}")


def test_a_line_that_a_pass_speaks_of_is_chosen_by_its_link(show):
    page = show("add")
    page.find("article .said a").click()
    WebDriverWait(page.browser, 60).until(lambda _: page.marked("source"))  # the browser tells of another address later
    assert page.marked("source") == [own("return tl.load")]


def test_pointing_at_a_line_marks_until_one_leaves(show):
    page = show("add")
    line = page.find(f"#{own('tl.store(out + offs, a + b')} code")
    ActionChains(page.browser).move_to_element(line).perform()
    assert set(page.coded("ttgir", "tt.store")) <= set(page.marked("ttgir", "near"))
    assert not page.marked("ttgir")
    ActionChains(page.browser).move_to_element(page.find("h1")).perform()
    assert not page.marked("ttgir", "near")


def test_keys_move_choose_and_let_go(show):
    page = show("add")
    first, second, third = page.ids(".source .line")[:3]
    page.press(".source .pane", Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.ENTER)
    assert page.marked("source") == [second]
    assert page.find(".source .pane").get_attribute("aria-activedescendant") == second
    page.press(".source .pane", Keys.ARROW_UP, " ")
    assert page.marked("source") == [first] and third not in page.marked("source")
    page.press(".source .pane", Keys.ESCAPE)
    assert not page.ids(".chosen, .call, [aria-selected=true]")
    page.find(f"#{own('tl.store(out + offs, a + b')} code").click()
    marked = page.marked("ttgir")
    page.press("#ttgir .pane", "n", "n", "p", "n")
    assert page.ids("#ttgir .active") == [marked[1]]


def test_the_first_marked_line_comes_in_sight(show):
    page = show("add")
    page.find(f"#{own('tl.store(out + offs, a + b')} code").click()
    program = """
      const [line, pane] = [document.querySelector("#ptx .chosen"), document.querySelector("#ptx .pane")].map(one => one.getBoundingClientRect());
      return line.top >= pane.top && line.bottom <= pane.bottom && document.querySelector("#ptx .pane").scrollTop > 0;
    """
    assert page.browser.execute_script(program)


def test_stages_are_shown_and_hidden_but_for_the_last(show):
    page = show("add")

    def shown():
        return [stage for stage in STAGES if page.find(f"#{stage}").is_displayed()]

    assert shown() == ["ttgir", "ptx"]
    for stage in ("llir", "ptx", "ttgir", "llir"):
        page.find(f'[aria-controls="{stage}"]').click()
    assert shown() == ["llir"]
    assert [page.find(f'[aria-controls="{stage}"]').get_attribute("aria-pressed") for stage in STAGES] == ["false", "false", "true", "false"]  # fmt: skip


def test_functions_that_are_folded_show_that_they_hold_marked_lines(show):
    page = show("total")
    (add,) = page.coded("ttir", "arith.addf")
    page.open(add)
    assert [one.get_attribute("data-file").rpartition("/")[2] for one in page.browser.find_elements(By.CSS_SELECTOR, ".block.holds")] == ["standard.py"] * 2  # fmt: skip
    assert page.marked("source", "call")[0] == own("tl.sum")


@pytest.mark.parametrize("name", ["total", "hostile"])
def test_the_page_asks_for_nothing_and_nothing_in_it_runs_but_its_script(show, name):
    page = show(name)
    page.find(".source .line code").click()
    assert page.browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert page.browser.get_log("browser") == []
    assert page.browser.title == f"{name} for cuda:90"
    assert page.marked("source")


def test_a_script_that_is_not_the_pages_does_not_run(show):
    page = show("hostile")
    page.browser.execute_script(
        "const one = document.createElement('script'); one.textContent = 'document.title = 1'; document.body.append(one)"
    )
    assert page.browser.title == "hostile for cuda:90"
    assert "Content Security Policy" in page.browser.get_log("browser")[0]["message"]


def test_colours_follow_what_the_reader_prefers(show):
    page = show("add")

    def ground(scheme):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        return page.find("body").value_of_css_property("background-color")

    assert ground("light") == "rgba(255, 255, 255, 1)"
    assert ground("dark") == "rgba(20, 23, 28, 1)"


@pytest.mark.parametrize("width", [1000, 1600])
def test_long_lines_scroll_in_their_column_and_not_the_page(show, width):
    page = show("product")
    page.browser.set_window_size(width, 1000)
    sizes = page.browser.execute_script("""
      const pane = document.querySelector("#ttgir .pane");
      return [document.documentElement.scrollWidth - innerWidth, pane.scrollWidth - pane.clientWidth];
    """)
    page.browser.set_window_size(1600, 1000)
    assert sizes[0] <= 0 < sizes[1]
