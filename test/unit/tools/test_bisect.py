# SPDX-License-Identifier: MIT
"""graft bisect: what it finds for every kind of fault, what it says where there is nothing to find, and that it leaves nothing behind."""

import itertools
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import fields

import pytest
from click.testing import CliRunner
from support import ROOT, clean_environment
from triton.backends.graft import children, wings
from triton.backends.graft.errors import OptionError
from triton.backends.graft.guard import skips
from triton.backends.graft.tools import bisect, cli
from triton.backends.graft.tools.bisect import BisectError, Question, Run, Script, Site, find, minimise

SWIZZLE, PEEL, VERSION, SPLIT = skips.switches()
DEFAULT = {(SWIZZLE, "product"): 1, (PEEL, "product"): 2, (VERSION, "add"): 5, (VERSION, "scale"): 2, (SPLIT, "rows"): 7}


class Program:
    """Stands for a script: *fault* gets the sites that are rewritten, each (pass, kernel, number), and says whether the run is wrong.

    *counts* is how many sites each pass has in each kernel, or a function of the variables that says so.
    """

    def __init__(self, fault, counts=None, output=lambda taken: ""):
        self.fault, self.counts, self.output = fault, DEFAULT if counts is None else counts, output
        self.given = []

    def __call__(self, variables):
        self.given.append(variables)
        counts = self.counts(variables) if callable(self.counts) else self.counts
        sites = [site for where, count in counts.items() for site in self.sites(*where, count, variables)]
        taken = {site.key for site in sites if site.number}
        return Run(int(bool(self.fault(taken))), self.output(taken), "Traceback\nValueError: no", tuple(sites))

    @staticmethod
    def sites(name, kernel, count, variables):
        skipped = skips.of_kernel(variables.get("GRAFT_SKIP_PASSES", ""), kernel).get(name)
        if skipped == () or variables.get(wings.options()[skips.switches()[name]].variable) == "0":
            return []
        numbers = [number for number in range(1, count + 1) if number not in (skipped or ())]
        return [Site(name, kernel), *(Site(name, kernel, number, (f"{kernel}.py:{number}",)) for number in numbers)]


def switch_of(fault, counts=None, **question):
    report = find(Program(fault, counts), Question(**question))
    assert report.found, report.reason
    return report.switch["GRAFT_SKIP_PASSES"]


ALL_SITES = [(*where, number) for where, count in DEFAULT.items() for number in range(1, count + 1)]


# -- Making a set small


def test_a_single_culprit_is_found_wherever_it_is():
    for size in range(1, 20):
        for culprit in range(size):
            assert minimise(range(size), lambda part, culprit=culprit: culprit in part) == [culprit]


def test_several_culprits_are_found_and_nothing_else():
    rng = random.Random(7)
    for _ in range(300):
        size = rng.randint(1, 24)
        culprits = set(rng.sample(range(size), rng.randint(1, size)))
        assert set(minimise(range(size), culprits.issubset)) == culprits


def test_of_what_mends_without_order_no_member_of_the_result_can_be_spared():
    rng = random.Random(11)
    for _ in range(200):
        size = rng.randint(2, 8)
        mending = {
            frozenset(part) for n in range(size) for part in itertools.combinations(range(size), n) if rng.random() < 0.3
        }
        mending = (mending - {frozenset()}) | {frozenset(range(size))}
        found = minimise(range(size), lambda part, mending=mending: frozenset(part) in mending)
        assert frozenset(found) in mending
        assert not any(frozenset(found) - {one} in mending for one in found if len(found) > 1)


# -- What is found


@pytest.mark.parametrize("site", ALL_SITES, ids=lambda site: ":".join(map(str, site)))
def test_one_site_of_many_is_found(site):
    name, kernel, number = site
    short = f"{name}@{kernel}" if DEFAULT[name, kernel] == 1 else f"{name}@{kernel}:{number}"
    assert switch_of(lambda taken: site in taken) == short


@pytest.mark.parametrize("name", skips.switches())
def test_a_pass_that_is_wrong_at_every_site_is_left_out_in_each_of_its_kernels(name):
    kernels = [kernel for owner, kernel in DEFAULT if owner == name]
    assert switch_of(lambda taken: any(site[0] == name for site in taken)) == ",".join(f"{name}@{kernel}" for kernel in kernels)


@pytest.mark.parametrize("pair", list(itertools.combinations(ALL_SITES[::3], 2)), ids=str)
def test_of_two_sites_that_are_wrong_together_one_is_found_and_of_two_faults_both(pair):
    def spelt(sites):
        setting = bisect._of_sites(sites)
        return {s._replace(sites=()) if len(s.sites) == DEFAULT[s.name, s.kernel] else s for s in setting.skips}

    assert set(skips.parse(switch_of(lambda taken: taken.issuperset(pair)))) in [spelt([site]) for site in pair]
    assert set(skips.parse(switch_of(lambda taken: taken.intersection(pair)))) == spelt(pair)


def test_a_pass_that_takes_over_what_another_leaves_is_found_too():
    """With the masks of `rows` not versioned, another pass splits them, and is as wrong."""

    def counts(variables):
        is_versioned = bool(Program.sites(VERSION, "rows", 1, variables))
        return {(VERSION, "rows"): 3, (SPLIT, "rows"): 0 if is_versioned else 4}

    def fault(taken):
        return (VERSION, "rows", 2) in taken or (SPLIT, "rows", 4) in taken

    assert switch_of(fault, counts) in (f"{VERSION}@rows:2,{SPLIT}@rows:4", f"{VERSION}@rows:2")


def test_a_pass_that_ends_the_process_before_its_first_site_is_found_by_its_kernel():
    """It has said that it began, and the kernels of the passes behind it are not known."""

    def run(variables):
        looked_at = Program.sites(PEEL, "bad", 0, variables)
        return Run(-11 if looked_at else 0, sites=(*Program.sites(SWIZZLE, "good", 1, variables), *looked_at))

    report = find(run, Question())
    assert report.switch == {"GRAFT_SKIP_PASSES": f"{PEEL}@bad"}
    assert report.sites == []


def test_a_pass_of_which_no_kernel_is_known_is_found():
    def run(variables):
        return Run(
            int(
                PEEL not in skips.of_kernel(variables.get("GRAFT_SKIP_PASSES", ""), "")
                and "GRAFT_VERSION_TILES" not in variables
            )
        )

    assert find(run, Question()).switch == {"GRAFT_SKIP_PASSES": PEEL}


def test_options_that_the_script_sets_itself_are_not_needed():
    def run(variables):
        return Program(lambda taken: (VERSION, "add", 3) in taken)(
            {k: v for k, v in variables.items() if k == "GRAFT_SKIP_PASSES"}
        )

    report = find(run, Question())
    assert (report.switch, report.wider) == ({"GRAFT_SKIP_PASSES": f"{VERSION}@add:3"}, {})


def test_the_report_names_switch_kernel_option_wider_option_and_place():
    program = Program(lambda taken: (VERSION, "add", 3) in taken)
    told = []
    report = find(program, Question(), told.append)
    assert bisect.format_report(report) == (
        f"""\
graft-version-tiles in kernel add, site 3 of 5: add.py:3

mended by
    GRAFT_SKIP_PASSES=graft-version-tiles@add:3
    add[grid](..., skip_passes="graft-version-tiles:3")
and, leaving out more, by
    GRAFT_VERSION_TILES=0

{len(program.given)} runs"""
    )
    assert [line.split(" (")[0] for line in told[:3]] == [
        "   1 with all passes: wrong",
        "   2 with no pass: right",
        "   3 GRAFT_SKIP_PASSES=graft-swizzle-programs,graft-peel-loops: wrong",
    ]
    assert report.to_json() == {
        "found": True,
        "reason": "",
        "switch": {"GRAFT_SKIP_PASSES": "graft-version-tiles@add:3"},
        "kernel_options": {"add": "graft-version-tiles:3"},
        "wider": {"GRAFT_VERSION_TILES": "0"},
        "sites": [{"pass_name": "graft-version-tiles", "kernel": "add", "number": 3, "of": 5, "places": ("add.py:3",)}],
        "runs": len(program.given),
    }


def test_no_setting_is_run_twice_but_for_the_check_at_the_end():
    program = Program(lambda taken: (VERSION, "add", 3) in taken)
    report = find(program, Question())
    given = [tuple(sorted(variables.items())) for variables in program.given]
    assert len(given) == len(set(given)) + 2
    assert program.given[-2:] == [{}, report.switch]


# -- What is not


def test_a_script_that_does_not_fail_is_said_to():
    report = find(Program(lambda taken: False), Question())
    assert (report.found, report.reason, report.runs) == (False, "it does not fail with our passes", 1)
    assert (
        find(lambda variables: Run(0), Question()).reason == "it does not fail with our passes, which saw none of its kernels"
    )


def test_a_script_that_fails_without_our_passes_is_said_to_with_its_last_words():
    report = find(Program(lambda taken: True), Question())
    assert (report.found, report.runs) == (False, 2)
    assert bisect.format_report(report) == (
        "graft bisect: it fails without our passes too (exit status 1)\n    Traceback\n    ValueError: no"
    )


def test_a_script_that_takes_too_long_without_our_passes_is_said_to():
    assert find(lambda variables: Run(None), Question()).reason == "it fails without our passes too (it took too long)"


def test_a_script_that_gives_the_option_itself_is_said_to():
    run = Program(lambda taken: True)
    assert find(lambda variables: run({}), Question()).reason == (
        "our passes run even when left out: the script gives skip_passes itself"
    )


@pytest.mark.parametrize("ends", [(1, 0, 0), (1, 0, 1)])
def test_a_script_that_ends_now_so_and_now_so_is_said_to(ends):
    """The last of *ends* is how it ends from the third run on, whatever is left out."""
    statuses = itertools.chain(ends, itertools.repeat(ends[-1]))
    program = Program(lambda taken: next(statuses))
    with pytest.raises(
        BisectError, match=r"^the script does not always end the same way: .*, it was \w+ and then \w+; try a larger --repeat$"
    ):
        find(program, Question())


def test_repeated_runs_find_a_fault_that_shows_now_and_then():
    rng = random.Random(3)
    assert switch_of(lambda taken: (SPLIT, "rows", 6) in taken and rng.random() < 0.5, repeat=12) == f"{SPLIT}@rows:6"


# -- Metrics


def seconds(taken):
    return f"warming up\ntime: {1.5 if (SPLIT, 'rows', 6) in taken else 1.0} s\n"


@pytest.mark.parametrize(
    ("output", "question"),
    [
        (seconds, {"metric": r"^time: ([\d.]+)", "more_than": 1.05}),
        (lambda taken: f"{3 - ((SPLIT, 'rows', 6) in taken)}e2 TFLOP/s", {"metric": r"[\d.e]+", "less_than": 0.95}),
        (lambda taken: f"norm {2.7224501 if (SPLIT, 'rows', 6) in taken else 2.7224527}", {"metric": "norm.*"}),
    ],
    ids=["slower", "less", "other bits"],
)
def test_a_metric_is_compared_with_that_without_our_passes(output, question):
    report = find(Program(lambda taken: False, output=output), Question(**question))
    assert report.switch == {"GRAFT_SKIP_PASSES": f"{SPLIT}@rows:6"}


def test_the_median_of_repeated_runs_is_compared():
    outliers = itertools.cycle([1.0, 9.0, 1.0])

    def output(taken):
        return f"{next(outliers) + ((SPLIT, 'rows', 6) in taken)}"

    report = find(Program(lambda taken: False, output=output), Question(".*", more_than=1.1, repeat=3))
    assert report.switch == {"GRAFT_SKIP_PASSES": f"{SPLIT}@rows:6"}


def test_a_metric_that_is_never_the_same_is_said_to_be():
    counter = itertools.count()
    report = find(Program(lambda taken: False, output=lambda taken: str(next(counter))), Question(".*"))
    assert report.reason == "what --metric finds differs between runs without our passes; --repeat 3 may help"


def test_a_script_that_fails_has_no_metric():
    report = find(Program(lambda taken: True, output=seconds), Question("time"))
    assert report.reason == "it fails without our passes (exit status 1)\n    Traceback\n    ValueError: no"


def test_an_output_without_the_metric_is_an_error():
    with pytest.raises(BisectError) as error:
        find(Program(lambda taken: False, output=seconds), Question("speed"))
    assert str(error.value) == ("the script printed nothing that --metric 'speed' finds\n    warming up\n    time: 1.0 s")
    with pytest.raises(BisectError, match=r"^--metric found 'time' in what the script printed, which is not a number$"):
        find(Program(lambda taken: False, output=seconds), Question("time", more_than=1.1))


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"metric": "("}, "--metric='(': expected a regular expression (missing ), unterminated subpattern at position 0)"),
        (
            {"more_than": 1.1},
            "--more-than=1.1: expected --metric REGEX with it, which finds the number in what the script prints",
        ),
        ({"metric": "x", "less_than": 0.0}, "--less-than=0.0: expected a positive number"),
        ({"metric": "x", "more_than": float("nan")}, "--more-than=nan: expected a positive number"),
        (
            {"metric": "x", "more_than": 1.1, "less_than": 0.9},
            "--less-than=0.9: expected not to be given together with --more-than",
        ),
        ({"repeat": 0}, "--repeat=0: expected a positive integer"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(question, message):
    with pytest.raises(OptionError) as error:
        Question(**question)
    assert str(error.value) == message


# -- Runs of a script


def python(code):
    return [sys.executable, "-c", code]


def test_a_run_is_a_process_with_a_cache_of_its_own_and_nothing_of_it_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(bisect.tempfile, "tempdir", None)
    for name in ("GRAFT_CACHE", "GRAFT_CACHE_KEY", "GRAFT_TRACE"):
        monkeypatch.setenv(name, "mine")
    code = (
        "import json, os, sys; os.makedirs(os.environ['TRITON_CACHE_DIR']); open(os.environ['GRAFT_SITES'], 'w')"
        ".write('p\\tk\\np\\tk\\t1\\ttaken\\ta.py:1\\tb.py:2\\np\\tk\\t2\\tskipped\\nhalf a li')\n"
        "print(json.dumps(dict(os.environ))); print('oh', file=sys.stderr); sys.exit(3)"
    )
    run = Script(python(code))({"GRAFT_SKIP_PASSES": "x"})
    assert (run.status, run.errors, run.sites) == (3, "oh\n", (Site("p", "k"), Site("p", "k", 1, ("a.py:1", "b.py:2"))))
    env = json.loads(run.output)
    assert (env["TRITON_DEFAULT_BACKEND"], env["GRAFT_SKIP_PASSES"]) == ("graft", "x")
    assert not any(value == "mine" for value in env.values())
    assert list(tmp_path.iterdir()) == []


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def wait_until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


#: Starts a process that never ends, and says which.
PARENT = "import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True)"


def test_what_a_script_leaves_running_is_ended():
    run = Script(python(PARENT))({})
    assert run.status == 0
    wait_until(lambda: not is_running(int(run.output)))


def test_a_script_that_takes_too_long_is_ended_even_if_it_does_not_want_to(monkeypatch):
    monkeypatch.setattr(children, "GRACE", 0.1)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('begun', flush=True); time.sleep(600)"
    assert Script(python(code), timeout=1.0)({}).status is None


def test_a_script_that_cannot_be_run_is_an_error(tmp_path):
    with pytest.raises(BisectError, match=r"cannot be run: \[Errno 2\]"):
        Script([str(tmp_path / "nothing")])({})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_the_script_and_leaves_nothing(tmp_path, number):
    script = tmp_path / "script.py"
    script.write_text(
        f"import os, sys\npid = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY); os.dup2(pid, 1)\n{PARENT}\ntime.sleep(600)"
    )
    (tmp_path / "temporary").mkdir()
    pid = tmp_path / "pid"
    child = subprocess.Popen(
        [sys.executable, "-m", "triton.backends.graft", "bisect", str(script), str(pid)],
        env=clean_environment(tmp_path, TMPDIR=str(tmp_path / "temporary")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: pid.exists() and pid.read_text())
    child.send_signal(number)
    _, errors = child.communicate(timeout=30)
    assert (child.returncode, errors.strip()) == (1, "Aborted!")
    assert list((tmp_path / "temporary").iterdir()) == []
    wait_until(lambda: not is_running(int(pid.read_text())))


# -- The command


@pytest.fixture
def graft():
    return lambda *arguments: CliRunner().invoke(cli.graft, ["bisect", *arguments])


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import sys; print(sys.argv[1:]); sys.exit(int(sys.argv[1]))")
    return str(path)


def test_a_script_is_given_its_arguments_and_exit_status_1_says_that_nothing_was_found(graft, script):
    done = graft(script, "0", "--json", "--repeat")
    assert (done.exit_code, done.stdout) == (
        1,
        "graft bisect: it does not fail with our passes, which saw none of its kernels\n",
    )
    done = graft("--json", script, "3")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["reason"] == "it fails without our passes too (exit status 3)"
    assert done.stderr.splitlines()[0].startswith("   1 with all passes: wrong (")


def test_wrong_usage_ends_in_status_2(graft, script, tmp_path, monkeypatch):
    assert graft(str(tmp_path / "nothing.py")).exit_code == 2
    assert graft("--more-than", "2", script, "0").exit_code == 2
    monkeypatch.setenv("GRAFT_SKIP_PASSES", PEEL)
    done = graft(script, "0")
    assert done.exit_code == 2
    assert done.output.endswith(
        "GRAFT_SKIP_PASSES='graft-peel-loops': expected not to be set, as graft bisect sets it itself\n"
    )


def test_something_that_was_found_ends_in_status_0(graft, script, monkeypatch):
    monkeypatch.setattr(bisect, "bisect", lambda *given: find(Program(lambda taken: (SPLIT, "rows", 6) in taken), Question()))
    done = graft(script)
    assert done.exit_code == 0
    assert done.stdout.startswith("graft-split-masks in kernel rows, site 6 of 7: rows.py:6\n")


@pytest.mark.slow
def test_the_program_of_the_manual_has_the_result_that_the_manual_shows(tmp_path):
    """A real script, without a GPU: two kernels are compiled, and the PTX of one has what a single site brings about."""
    manual = (ROOT / "docs" / "bisect.md").read_text()
    (tmp_path / "check.py").write_text(re.search(r"^```python\n(.*?)^```$", manual, re.M | re.S)[1])
    command, expected = re.search(r"^```sh\ngraft (.*?)\n```\n\n```\n(.*?)^```$", manual, re.M | re.S).groups()
    done = subprocess.run(
        [sys.executable, "-m", "triton.backends.graft", *shlex.split(command)],
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace(str(tmp_path), "…") == expected
    assert not (tmp_path / "cache").exists()


def test_the_manual_names_the_fields_of_the_report():
    manual = (ROOT / "docs" / "bisect.md").read_text()
    assert all(f"`{part.name}`" in manual for table in (bisect.Report, bisect.Place) for part in fields(table))
