# SPDX-License-Identifier: MIT
"""`graft conformance` on a checkout of our own, whose tests pass, fail, die, hang and switch drivers; nothing needs a device."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import clean_environment

pytest.importorskip("xdist")

HERE = Path(__file__).parent
RUNTIME = "python/test/unit/runtime"
OUTCOMES = "python/test/unit/language/test_outcomes.py"

#: The baseline, as there is no device here, and what all runs have.
IN_TREE = ("--baseline-driver", "support:OtherDriver")

REPORT = """\
# Triton's tests

6 tests differ and may not.

Triton 3.9.0; checkout 3.9.0; tests `python/test` `-k` `not does_not_end and not test_drivers`.

|  | baseline | backend |
| --- | --- | --- |
| driver | `support.OtherDriver` | `triton.backends.graft.driver.Driver` |
| target | cuda:80 | cuda:80 |
| passed | 9 | 9 |
| failed | 4 | 3 |
| error | 3 | 3 |
| crashed | 2 | 2 |
| skipped | 1 | 2 |
| xfailed | 1 | 1 |
| xpassed | 1 | 1 |
| not there | 1 | 1 |
| on another driver | 0 | 0 |

## What differs (6)

| test | baseline | backend | driver | message |
| --- | --- | --- | --- | --- |
| `python/test/unit/language/test_outcomes.py::test_has_a_parameter_of_the_side[support]` | passed | not there |  |  |
| `python/test/unit/language/test_outcomes.py::test_has_a_parameter_of_the_side[triton]` | not there | passed |  |  |
| `python/test/unit/language/test_outcomes.py::test_is_skipped_on_the_backend` | passed | skipped |  | Skipped: not for this backend |
| `python/test/unit/language/test_outcomes.py::test_passes_in_tree_alone` | passed | failed |  | AssertionError: a fault of the backend |
| `python/test/unit/language/test_outcomes.py::test_passes_on_the_backend_alone[a\\|b]` | failed | passed |  | AssertionError: a fault of the in-tree backend |
| `python/test/unit/language/test_outcomes.py::test_passes_on_the_backend_alone[c]` | failed | passed |  | AssertionError: a fault of the in-tree backend |
"""

ALLOWED = f"""
"{OUTCOMES}::test_has_a_parameter_of_the_side" = "its ids name the driver"
"{OUTCOMES}::test_is_skipped_on_the_backend" = "skipped here"
"*::test_passes_on_*[*]" = "a fault that is mended"
"{OUTCOMES}::test_passes_in_tree_alone" = "not done yet"
"{OUTCOMES}::test_fails_on_both" = "fails everywhere"
"*::test_that_is_gone" = "was removed"
"""

UNUSED = f"""\
## Allowances that nothing needs (2)

| entry | reason |  |
| --- | --- | --- |
| `{OUTCOMES}::test_fails_on_both` | fails everywhere | its test does not differ |
| `*::test_that_is_gone` | was removed | no test of this run has the name |
"""


def command(*arguments):
    return [sys.executable, "-m", "triton.backends.graft", "conformance", *map(str, arguments)]


def conform(folder, *arguments, **variables):
    """Runs the command in *folder*, where `checkout` is."""
    env = clean_environment(folder, GRAFT_TARGET="cuda:80", **variables)
    return subprocess.run(command("checkout", *arguments), cwd=folder, env=env, capture_output=True, text=True)


def outcomes(file, lines=False):
    """What came of each test by its name, with the drivers that were active in the place of the chosen one."""
    tests = [json.loads(line) for line in file.read_text().splitlines() if '"outcome"' in line]
    found = {test["id"].rpartition("::")[2]: (test["outcome"], test["drivers"]) for test in tests}
    return [test["id"] for test in tests] if lines else found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the checkout."""
    made = tmp_path_factory.mktemp("conformance")
    shutil.copytree(HERE / "checkout", made / "checkout")
    return made


def small_checkout(folder, **files):
    """A checkout with the tests *files* in *folder*."""
    tests = folder / "checkout" / "python" / "test"
    tests.mkdir(parents=True)
    for name, text in files.items():
        (tests / f"{name}.py").write_text(text)
    return tests


@pytest.fixture(scope="module")
def both(folder):
    """A run of both sides."""
    return conform(folder, *IN_TREE, "--workers", 2, "-k", "not does_not_end and not test_drivers", "--out", "both")


pytestmark = pytest.mark.xdist_group("conformance")


def test_the_table_says_what_differs_and_the_status_is_1(both, folder):
    assert (both.returncode, both.stdout) == (1, REPORT), both.stderr
    assert (folder / "both" / "report.md").read_text() == REPORT
    assert both.stderr.splitlines()[-1] == (
        "backend: 21 of 21 tests: 9 passed, 3 failed, 3 error, 2 crashed, 2 skipped, 1 xfailed, 1 xpassed"
    )


def test_what_is_allowed_is_no_difference_and_nothing_is_run_again(both, folder):
    (folder / "allow.toml").write_text(ALLOWED)
    before = {file.name: file.read_text() for file in (folder / "both").glob("*.jsonl")}
    arguments = ("--workers", 2, "-k", "not does_not_end and not test_drivers", "--out", "both", "--allow", "allow.toml")
    done = conform(folder, *IN_TREE, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2] == "Nothing differs that is not allowed."
    assert "## What differs and may (6)" in done.stdout and "## What differs (" not in done.stdout
    assert f"| `{OUTCOMES}::test_passes_in_tree_alone` | passed | failed |  | not done yet |" in done.stdout
    assert done.stdout.endswith(UNUSED)
    assert {file.name: file.read_text() for file in (folder / "both").glob("*.jsonl")} == before


def test_a_baseline_of_another_run_is_compared_with_the_tests_that_are_run_now(both, folder):
    arguments = ("--tests", OUTCOMES, "-k", "in_tree_alone or skipped", "--workers", 1, "--out", "part", "--json")
    done = conform(folder, "--baseline", "both/baseline.jsonl", *arguments)
    assert done.returncode == 1, done.stderr
    made = json.loads(done.stdout)
    assert made == json.loads((folder / "part" / "report.json").read_text())
    assert [(one["test"].rpartition("::")[2], one["baseline"], one["backend"]) for one in made["differences"]] == [
        ("test_is_skipped_on_the_backend", "passed", "skipped"),
        ("test_passes_in_tree_alone", "passed", "failed"),
    ]


def test_a_test_that_dies_or_hangs_costs_itself_alone_and_no_test_runs_on_a_driver_that_another_left(folder):
    arguments = ("--no-baseline", "--tests", RUNTIME, "--workers", 1, "--timeout", 4, "--out", "alone")
    done = conform(folder, *arguments)
    assert done.returncode == 1, done.stderr
    theirs, reloaded = "test_drivers.TheirDriver", "a reloaded triton.runtime.driver"
    assert outcomes(folder / "alone" / "backend.jsonl") == {
        "test_switches_and_does_not_switch_back": ("passed", {"during": theirs, "after": theirs}),
        "test_after_a_switch": ("passed", {"before": theirs}),
        "test_switches_and_switches_back": ("passed", {}),
        "test_has_a_fixture_that_switches": ("passed", {"during": theirs}),
        "test_reloads_the_module_of_the_driver": ("passed", {"during": reloaded, "after": reloaded}),
        "test_after_a_reload": ("passed", {"before": reloaded}),
        "test_before": ("passed", {}),
        "test_ends_its_process": ("crashed", {}),
        "test_between": ("passed", {}),
        "test_dies_of_a_signal": ("crashed", {}),
        "test_does_not_end[600]": ("timeout", {}),
        "test_after": ("passed", {}),
        "test_loses_the_device": ("failed", {}),
        "test_after_a_loss": ("passed", {}),
    }
    rows = done.stdout.partition("## What differs (4)\n\n")[2].partition("\n\n")[0].splitlines()
    assert rows == [
        "| test | backend | driver | message |",
        "| --- | --- | --- | --- |",
        f"| `{RUNTIME}/test_processes.py::test_dies_of_a_signal` | crashed |  | Fatal Python error: Aborted |",
        f"| `{RUNTIME}/test_processes.py::test_does_not_end[600]` | timeout |  | more than 4 seconds |",
        f"| `{RUNTIME}/test_processes.py::test_ends_its_process` | crashed |  | the process ended |",
        f"| `{RUNTIME}/test_processes.py::test_loses_the_device` | failed |  | RuntimeError: an illegal memory access was encountered |",
    ]


SLOW = """
import pathlib, pytest, time

@pytest.mark.parametrize("number", range(12))
def test_slow(number):
    with open(pathlib.Path(__file__).with_name("ran"), "a") as stream:
        stream.write(f"{number}\\n")
    time.sleep(0.3)
"""


def wait_until(check, seconds=120):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_running(pid):
    """Whether there is a process *pid* that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pytest_of(out):
    """The process that steers the workers of a run with results in *out*."""
    for path in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(os.readlink(fd) == str(out / "backend.jsonl") and "pytest" in (path.parent / "cmdline").read_text()
                   for fd in path.iterdir()):  # fmt: skip
                return int(path.parent.name)
        except OSError:
            continue
    return None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_takes_its_processes_along_and_goes_on_where_it_stopped(tmp_path, number):
    tests, out = small_checkout(tmp_path, test_slow=SLOW), tmp_path / "out"
    arguments = ("checkout", "--no-baseline", "--workers", 1, "--out", "out")
    env = clean_environment(tmp_path, GRAFT_TARGET="cuda:80")
    child = subprocess.Popen(command(*arguments), cwd=tmp_path, env=env, stderr=subprocess.DEVNULL)
    wait_until(lambda: (out / "backend.jsonl").exists() and len(outcomes(out / "backend.jsonl", lines=True)) >= 3)
    steering = pytest_of(out)
    child.send_signal(number)
    child.wait()
    wait_until(lambda: not is_running(steering))
    done = outcomes(out / "backend.jsonl", lines=True)
    assert len(done) < 12
    with open(out / "backend.jsonl", "a") as stream:
        stream.write('{"id": "half a li')
    again = subprocess.run(command(*arguments), cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (again.returncode, again.stdout.splitlines()[2]) == (0, "Nothing differs that is not allowed."), again.stderr
    ids = outcomes(out / "backend.jsonl", lines=True)
    assert ids[: len(done)] == done
    assert sorted(ids) == sorted(f"python/test/test_slow.py::test_slow[{number}]" for number in range(12))
    ran = (tests / "ran").read_text().split()
    assert not {test.partition("[")[2][:-1] for test in done} & {number for number in ran if ran.count(number) > 1}


def test_a_file_that_kills_who_imports_it_counts_as_crashed_and_the_others_are_run(tmp_path):
    small_checkout(tmp_path, test_dies="import os\nos._exit(1)\n", test_lives="def test_lives():\n    pass\n")
    done = conform(tmp_path, "--no-baseline", "--workers", 1, "--out", "out")
    assert done.returncode == 1, done.stderr
    found = outcomes(tmp_path / "out" / "backend.jsonl")
    assert found == {"python/test/test_dies.py": ("crashed", {}), "test_lives": ("passed", {})}


@pytest.mark.parametrize("own", [None, "pyproject.toml", "python/pytest.ini"])
def test_the_configuration_of_a_project_around_the_checkout_is_not_looked_at(tmp_path, own):
    """That of the checkout is."""
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--strict-markers --no-such-option"\n')
    asked = (
        "import pytest\n@pytest.mark.odd\ndef test_asked(request):\n    assert request.config.getini('markers')[0] == 'own'\n"
    )
    small_checkout(tmp_path, test_asked=asked)
    (tmp_path / "checkout" / "tox.ini").write_text("# [pytest]\n[tox]\n")
    (tmp_path / "checkout" / "python" / "pyproject.toml").write_text("[tool.pytest-enabler]\n# [tool.pytest]\n")
    if own:
        table = "[tool.pytest.ini_options]\nmarkers = ['own', 'odd']\n"
        (tmp_path / "checkout" / own).write_text("[pytest]\nmarkers =\n    own\n    odd\n" if own.endswith("ini") else table)
    done = conform(tmp_path, "--no-baseline", "--workers", 1, "--out", "out")
    assert done.returncode == (0 if own else 1), done.stdout + done.stderr
    assert outcomes(tmp_path / "out" / "backend.jsonl") == {"test_asked": ("passed" if own else "failed", {})}


def test_arguments_after_the_dashes_are_those_of_pytest(tmp_path):
    small_checkout(tmp_path, conftest="def pytest_addoption(parser):\n    parser.addoption('--device')\n",
                   test_device="def test_device(request):\n    assert request.config.getoption('--device') == 'chip'\n")  # fmt: skip
    done = conform(tmp_path, "--no-baseline", "--workers", 1, "--out", "out", "--", "--device", "chip")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests `python/test` `--device` `chip`." in done.stdout


def test_the_interpreter_is_a_baseline_without_a_device(tmp_path):
    asked = "import os\ndef test_asked():\n    assert os.environ.get('TRITON_INTERPRET') {}\n"
    small_checkout(tmp_path, test_here=asked.format("is None"), test_there=asked.format("== '1'"))
    done = conform(tmp_path, "--interpreter", "--workers", 1, "--out", "out")
    assert done.returncode == 1, done.stderr
    assert "| driver | `Triton's interpreter` | `triton.backends.graft.driver.Driver` |" in done.stdout
    rows = done.stdout.partition("## What differs (1)\n\n")[2].splitlines()[2:]
    assert [row.split(" | ")[:3] for row in rows] == [["| `python/test/test_there.py::test_asked`", "passed", "failed"]]


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (["--tests", OUTCOMES, "-k", "no_such_test"], 1, f"Error: there is no test to run: {OUTCOMES} has none that -k takes\n"),
        (["--driver", "no_such_module:Driver"], 1,
         "Error: the driver of the backend cannot be made: ModuleNotFoundError: No module named 'no_such_module'\n"),
    ],
)  # fmt: skip
def test_what_only_a_run_shows_is_one_error(folder, tmp_path, arguments, status, error):
    done = conform(folder, "--no-baseline", "--workers", 1, "--out", tmp_path / "out", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", error)


def test_an_option_that_pytest_does_not_know_is_an_error_with_what_it_says(folder, tmp_path):
    done = conform(folder, "--no-baseline", "--workers", 1, "--out", tmp_path / "out", "--", "--no-such-option")
    assert (done.returncode, done.stdout) == (1, "")
    first, *more = done.stderr.splitlines()
    assert first == f"Error: pytest ended with status 4 before it ran a test; the end of {tmp_path}/out/backend.log:"
    assert any("unrecognized arguments: --no-such-option" in line for line in more)
