# SPDX-License-Identifier: MIT
"""The list of what is allowed, the comparison and its reports, and what is refused before anything runs."""

import contextlib
import fcntl
import io
import json
from dataclasses import replace
from importlib.util import find_spec

import pytest
import triton
from triton.backends.graft.conformance import allowing, checkout, conforming, progress, report, results, running
from triton.backends.graft.conformance.allowing import Allowance
from triton.backends.graft.conformance.comparing import compare
from triton.backends.graft.conformance.drivers import Described
from triton.backends.graft.conformance.results import Header, Result, Results

HEADER = Header("acme.Driver", "acme:1", "3.9.0", "3.9.0 0123456789", ("python/test",), "not slow", ("--device", "acme"))
IN_TREE = Header(
    "nvidia.CudaDriver", "cuda:90", "3.9.0", "3.9.0 0123456789", ("python/test",), "not slow", ("--device", "acme")
)


def side(header, *tests, collected=()):
    found = {test.id: test for test in tests}
    return Results(header, found, {*found, *collected})


BACKEND = side(
    HEADER,
    Result("a.py::test_same", "passed"),
    Result("a.py::test_worse[x|y]", "failed", 1.0, "AssertionError: 1 == 2\nand more"),
    Result("a.py::test_known[1]", "crashed", 0.0, "Fatal Python error: Segmentation fault\n…"),
    Result("a.py::test_stray", "passed", 0.5, "", {"before": "x.Driver", "during": "nvidia.CudaDriver"}),
    Result("b.py", "error", 0.0, "ModuleNotFoundError: No module named 'scipy'"),
    collected=["a.py::test_left"],
)
BASELINE = side(
    IN_TREE,
    Result("a.py::test_same", "passed"),
    Result("a.py::test_worse[x|y]", "passed"),
    Result("a.py::test_known[1]", "passed"),
    Result("a.py::test_stray", "failed", 0.1, "RuntimeError: " + "long " * 50),
    Result("b.py::test_one", "passed"),
    Result("b.py::test_two", "skipped", 0.0, "Skipped: no"),
    collected=["a.py::test_left"],
)
ALLOWANCES = [
    Allowance("a.py::test_known", "issue 7"),
    Allowance("a.py::test_s*", "flaky"),
    Allowance("a.py::test_same", "old"),
]

MARKDOWN = """\
# Triton's tests

2 tests differ and may not; 1 test was not run.

Triton 3.9.0; checkout 3.9.0 0123456789; tests `python/test` `-k` `not slow` `--device` `acme`.

Warning: be careful.

Warning: the baseline was run with the target cuda:90, the backend with acme:1.

|  | baseline | backend |
| --- | --- | --- |
| driver | `nvidia.CudaDriver` | `acme.Driver` |
| target | cuda:90 | acme:1 |
| passed | 4 | 2 |
| failed | 1 | 1 |
| error | 0 | 1 |
| crashed | 0 | 1 |
| skipped | 1 | 0 |
| not run | 1 | 1 |
| not there | 1 | 2 |
| on another driver | 0 | 1 |

## What differs (2)

| test | baseline | backend | driver | message |
| --- | --- | --- | --- | --- |
| `a.py::test_worse[x\\|y]` | passed | failed |  | AssertionError: 1 == 2 |
| `b.py` | 1 passed, 1 skipped | error |  | ModuleNotFoundError: No module named 'scipy' |

## What differs and may (2)

| test | baseline | backend | driver | reason |
| --- | --- | --- | --- | --- |
| `a.py::test_known[1]` | passed | crashed |  | issue 7 |
| `a.py::test_stray` | failed | passed | before: x.Driver, during: nvidia.CudaDriver | flaky |

## On another driver than the chosen one (1)

| side | test | outcome | driver |
| --- | --- | --- | --- |
| backend | `a.py::test_stray` | passed | before: x.Driver, during: nvidia.CudaDriver |

## Allowances that nothing needs (1)

| entry | reason |  |
| --- | --- | --- |
| `a.py::test_same` | old | its test does not differ |

## Not run (1)

| test |
| --- |
| `a.py::test_left` |
"""


def test_the_report_has_all_that_differs_with_its_reasons():
    assert report.format_markdown(compare(BACKEND, BASELINE, ALLOWANCES, ["be careful"])) == MARKDOWN


def test_the_json_has_the_same():
    made = json.loads(report.format_json(compare(BACKEND, BASELINE, ALLOWANCES)))
    assert list(made) == ["is_conformant", "sides", "differences", "strays", "unused", "not_run", "warnings"]
    assert made["is_conformant"] is False
    header = {"tests": ["python/test"], "keyword": "not slow", "arguments": ["--device", "acme"], "triton": "3.9.0",
              "checkout": "3.9.0 0123456789", "format": "triton-conformance 1"}  # fmt: skip
    assert made["sides"][1] == {
        "name": "backend",
        "header": {"driver": "acme.Driver", "target": "acme:1", **header},
        "counts": {"passed": 2, "failed": 1, "error": 1, "crashed": 1, "timeout": 0, "skipped": 0, "xfailed": 0, "xpassed": 0,
                   "not run": 1, "not there": 2},
    }  # fmt: skip
    assert made["differences"][1] == {
        "test": "a.py::test_stray", "baseline": "failed", "backend": "passed", "message": "RuntimeError: " + "long " * 50,
        "drivers": "before: x.Driver, during: nvidia.CudaDriver", "reason": "flaky",
    }  # fmt: skip
    assert made["strays"] == [
        {
            "side": "backend",
            "test": "a.py::test_stray",
            "outcome": "passed",
            "drivers": "before: x.Driver, during: nvidia.CudaDriver",
        }
    ]
    assert made["unused"] == [{"entry": "a.py::test_same", "reason": "old", "why": "its test does not differ"}]
    assert made["not_run"] == ["a.py::test_left"]
    assert made["warnings"] == ["the baseline was run with the target cuda:90, the backend with acme:1"]


@pytest.mark.parametrize(
    ("tests", "collected", "allowed", "is_conformant"),
    [
        ([Result("a.py::test", "passed")], [], [], True),
        ([Result("a.py::test", "passed"), Result("a.py::test_b", "failed")], [], [], False),
        ([Result("a.py::test", "passed"), Result("a.py::test_b", "failed")], [], ["a.py::test_b"], True),
        ([Result("a.py::test", "passed"), Result("a.py::test_b", "skipped"), Result("a.py::test_c", "xfailed")], [], [], True),
        ([Result("a.py::test", "passed")], ["a.py::test_not_run"], ["*"], False),
        ([Result("a.py::test", "skipped")], [], [], False),
    ],
)
def test_without_a_baseline_all_that_is_wrong_differs_and_a_test_has_to_pass(tests, collected, allowed, is_conformant):
    made = compare(side(HEADER, *tests, collected=collected), None, [Allowance(entry, "so") for entry in allowed])
    assert made.is_conformant is is_conformant
    assert "baseline" not in report.format_markdown(made)


def test_failures_on_both_sides_are_no_difference():
    both = [Result("a.py::test", "passed"), Result("a.py::test_b", "failed"), Result("b.py", "error")]
    assert compare(side(HEADER, *both), side(HEADER, *both), []).is_conformant


@pytest.mark.parametrize(
    ("entry", "covered", "left"),
    [
        ("t/a.py::test", ["t/a.py::test", "t/a.py::test[1]", "t/a.py::test[x-y]"], ["t/a.py::test_more", "t/b.py::test"]),
        ("t/a.py::test[1]", ["t/a.py::test[1]"], ["t/a.py::test[12]", "t/a.py::test"]),
        ("t/a.py", ["t/a.py", "t/a.py::test", "t/a.py::Test::test"], ["t/a.pyx::test"]),
        ("t", ["t/a.py::test", "t/sub/a.py"], ["tt/a.py"]),
        ("t/", ["t/a.py::test"], ["tt/a.py"]),
        ("*::test[*fp8*]", ["t/a.py::test[16-fp8-1]"], ["t/a.py::test[fp16]", "t/a.py::test"]),
        ("t/a.py::test[?]", ["t/a.py::test[1]"], ["t/a.py::test[12]", "t/a.py::test1"]),
    ],
)
def test_an_allowance_covers_what_it_names_and_what_lies_in_it(entry, covered, left):
    allowance = Allowance(entry, "so")
    assert all(map(allowance.covers, covered)) and not any(map(allowance.covers, left))


def test_the_list_of_what_is_allowed_is_read_in_its_order(tmp_path):
    (tmp_path / "allow.toml").write_text('# known\n"b.py::test[1]" = " why "\n"a*" = "so"\n')
    assert allowing.read(str(tmp_path / "allow.toml")) == [Allowance("b.py::test[1]", "why"), Allowance("a*", "so")]


def test_a_line_is_shown_for_each_tenth(capsys):
    lines = progress.Lines()
    ids = [f"a.py::test[{number}]" for number in range(40)]
    for done in range(41):
        lines.show("backend", side(HEADER, *(Result(name, "passed") for name in ids[:done]), collected=ids))
    assert capsys.readouterr().err.splitlines() == [f"backend: {done} of 40 tests: {done} passed" for done in range(4, 41, 4)]


def test_a_bar_shows_the_tests_on_a_terminal():
    pytest.importorskip("rich")
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    with contextlib.redirect_stderr(terminal), progress.shown() as display:
        display.show("baseline", side(HEADER, collected=["a.py::test", "a.py::test_b"]))
        display.show("backend", side(HEADER, Result("a.py::test", "passed"), collected=["a.py::test", "a.py::test_b"]))
    last = terminal.getvalue().rpartition("baseline")[2]
    assert "0/2" in last and "backend" in last and "1/2" in last and "1 passed" in last


# -- The file of results


def test_results_are_read_as_they_were_added_and_half_a_line_is_not(tmp_path):
    path = tmp_path / "backend.jsonl"
    assert results.begin(path, HEADER) == Results(HEADER, {}, None)
    file = results.File(path)
    one = Result("a.py::test", "passed", 0.25, "", {"during": "x.Driver"})
    file.add_collected(["a.py::test", "a.py::test_b"])
    file.add(one)
    with open(path, "a") as stream:
        stream.write('{"id": "a.py::test_b", "outc')
    reader = results.Reader(path)
    assert reader.update() == Results(HEADER, {"a.py::test": one}, {"a.py::test", "a.py::test_b"})
    assert not reader.results.is_complete and reader.results.outcome("a.py::test_b") == "not run"
    with open(path, "a") as stream:
        stream.write('ome": "failed"}\n')
    assert reader.update().outcome("a.py::test_b") == "failed" and reader.results.is_complete
    assert reader.results.outcome("a.py::test_c") == "not there"


def test_going_on_removes_half_a_line(tmp_path):
    path = tmp_path / "backend.jsonl"
    results.begin(path, HEADER)
    whole = path.read_text()
    path.write_text(whole + '{"id": "a.py')
    assert results.begin(path, HEADER).results == {}
    assert path.read_text() == whole


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON\n",
        "[]\n",
        '{"format": "another"}\n',
        '{"id": "a", "outcome": "passed"}\n',
        "HEADER" + '{"id": "a", "outcome": "good"}\n',
    ],
)
def test_a_file_that_is_not_ours_is_refused(tmp_path, graft, checkout_here, text):
    results.begin(tmp_path / "real.jsonl", HEADER)
    (tmp_path / "made-up.jsonl").write_text(text.replace("HEADER", (tmp_path / "real.jsonl").read_text()))
    given = tmp_path / "made-up.jsonl"
    done = graft("conformance", checkout_here, "--baseline", given)
    expected = "made-up.jsonl to be a file of results that this command wrote"
    assert (done.exit_code, done.output) == (2, f"Error: --baseline={str(given)!r}: expected {expected}\n")


# -- What is refused


@pytest.fixture
def checkout_here(tmp_path):
    """A checkout without tests."""
    made = tmp_path / "checkout"
    (made / "python" / "test" / "unit").mkdir(parents=True)
    (made / "python" / "triton").mkdir()
    (made / "python" / "triton" / "__init__.py").write_text(f'"""isort:skip_file"""\n__version__ = \'{triton.__version__}\'\n')
    return made


INSTALLED = ", ".join(sorted(triton.backends.backends))
MAKER = "module:attr, which is called without arguments and returns a driver"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "acme"], f"--backend='acme': expected an installed backend: {INSTALLED}"),
        (["--driver", "acme"], f"--driver='acme': expected {MAKER}"),
        (["--baseline-driver", "a b:c"], f"--baseline-driver='a b:c': expected {MAKER}"),
        (["--no-baseline", "--baseline-driver", "a:b"],
         "--no-baseline=True: expected not to be given together with --baseline-driver"),
        (["--baseline", "a.jsonl"],
         "--baseline='a.jsonl': expected a.jsonl to be a file of results that this command wrote (No such file or directory)"),
        (["--tests", "python/test/unit/none.py::test"],
         "--tests='python/test/unit/none.py::test': expected a path in CHECKOUT, such as python/test/unit/runtime, or the id of a "
         "test, path::name"),
        (["--tests", "../.."],
         "--tests='../..': expected a path in CHECKOUT, such as python/test/unit/runtime, or the id of a test, path::name"),
        (["--allow", "none.toml"],
         "--allow='none.toml': expected a TOML file of lines \"id or glob\" = \"reason\" ([Errno 2] No such file or directory: "
         "'none.toml')"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_one_error_with_status_2(graft, checkout_here, arguments, message):
    done = graft("conformance", checkout_here, *arguments)
    assert (done.exit_code, done.output) == (2, f"Error: {message.replace('CHECKOUT', str(checkout_here))}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"a.py" = ""\n', "--allow='a.py': expected a reason in quotes for it, not ''"),
        ('"a.py" = 1\n', "--allow='a.py': expected a reason in quotes for it, not 1"),
        ('a.py = "so"\n', "--allow='a': expected an id or glob in quotes, and no tables"),
    ],
)
def test_an_allowance_without_a_reason_is_refused(graft, checkout_here, tmp_path, text, message):
    (tmp_path / "allow.toml").write_text(text)
    done = graft("conformance", checkout_here, "--no-baseline", "--allow", tmp_path / "allow.toml")
    assert (done.exit_code, done.output) == (2, f"Error: {message}\n")


def test_a_folder_without_tests_is_refused(graft, tmp_path):
    done = graft("conformance", tmp_path)
    expected = "the folder of a checkout of Triton, with its tests in python/test"
    assert (done.exit_code, done.output) == (2, f"Error: CHECKOUT={str(tmp_path)!r}: expected {expected}\n")


def test_what_the_interpreter_does_not_pass_and_the_backend_does_is_no_difference():
    names = [f"a.py::test_{name}" for name in ("passed", "failed", "skipped", "wrong")]
    interpreted = side(
        replace(HEADER, driver="Triton's interpreter"),
        *map(Result, names, ("passed", "failed", "skipped", "skipped")),
    )
    backend = side(HEADER, *map(Result, names, ("skipped", "passed", "passed", "failed")))
    found = compare(backend, interpreted, []).differences
    assert [(one.test, one.baseline, one.backend) for one in found] == [
        ("a.py::test_passed", "passed", "skipped"),
        ("a.py::test_wrong", "skipped", "failed"),
    ]
    assert len(compare(backend, side(IN_TREE, *interpreted.results.values()), []).differences) == 4


def test_the_interpreter_is_refused(graft, checkout_here, monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    done = graft("conformance", checkout_here)
    assert (done.exit_code, done.output) == (
        2, "Error: TRITON_INTERPRET='1': expected not to be set, as then no driver runs a kernel\n"
    )  # fmt: skip


def test_without_pytest_xdist_the_error_names_what_to_install(graft, checkout_here, monkeypatch):
    monkeypatch.setattr(conforming.importlib.util, "find_spec", lambda name: None if name == "xdist" else find_spec(name))
    done = graft("conformance", checkout_here, "--no-baseline")
    assert (done.exit_code, done.output) == (
        1, "Error: Triton's tests need pytest-xdist: pip install 'triton-graft[conformance]'\n"
    )  # fmt: skip


def test_without_a_device_the_error_names_the_ways_to_a_baseline(graft, checkout_here, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAFT_TARGET", "cuda:90")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    done = graft("conformance", checkout_here, "--out", tmp_path / "out")
    assert (done.exit_code, done.output) == (
        1, "Error: the driver of the baseline cannot be made: no in-tree driver (nvidia, amd) finds a device here; name another with "
        "--baseline-driver, take the results of another machine with --baseline, or do without with --no-baseline\n"
    )  # fmt: skip


@pytest.fixture
def described(monkeypatch):
    """A driver that is there without another process."""
    monkeypatch.setattr(running, "describe", lambda side, choice: Described("acme.Driver", "acme:1", choice.backend))


def test_a_folder_with_the_results_of_something_else_is_refused(graft, checkout_here, tmp_path, described):
    out = tmp_path / "out"
    results.begin(
        out / "backend.jsonl", Header("acme.Driver", "acme:2", triton.__version__, triton.__version__, ("python/test",))
    )
    done = graft("conformance", checkout_here, "--no-baseline", "--out", out)
    expected = "a new folder, or one of a run with the same target: backend.jsonl has acme:2 and this is acme:1"
    assert (done.exit_code, done.output) == (2, f"Error: --out={str(out)!r}: expected {expected}\n")


def test_a_folder_to_which_another_run_writes_is_refused(graft, checkout_here, tmp_path, described):
    out = tmp_path / "out"
    out.mkdir()
    with open(out / "lock", "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        done = graft("conformance", checkout_here, "--no-baseline", "--out", out)
    expected = "a folder to which no other run writes just now"
    assert (done.exit_code, done.output) == (2, f"Error: --out={str(out)!r}: expected {expected}\n")


@pytest.mark.parametrize(
    ("version", "warnings"),
    [
        (triton.__version__, []),
        (triton.__version__ + "+git", []),
        ("3.1.0", [f"the checkout is of Triton 3.1.0, and {triton.__version__} is installed: tests of what is not in both fail on both sides"]),
        ("", [f"the checkout does not say of which Triton it is, and {triton.__version__} is installed: tests of what is not in both fail on "
              "both sides"]),
    ],
)  # fmt: skip
def test_a_checkout_of_another_triton_is_a_warning(checkout_here, version, warnings):
    (checkout_here / "python" / "triton" / "__init__.py").write_text(f'__version__ = "{version}"\n' if version else "")
    assert checkout.parse(str(checkout_here)).warnings() == warnings
