# SPDX-License-Identifier: MIT
"""The command line, and the launch benchmark's arguments, arithmetic and reports. What it measures is not looked at."""

import importlib.util
import io
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
import stub_cuda
import triton
from support import clean_environment, run_python
from triton.backends.graft import __version__, files
from triton.backends.graft.bench import documents, launch, report, rows
from triton.backends.graft.bench.launch import Entry
from triton.backends.graft.bench.options import LaunchOptions
from triton.backends.graft.bench.report import Report, Result, Skipped
from triton.backends.graft.bench.sides import SIDES
from triton.backends.graft.errors import GraftError, OptionError

has_click = importlib.util.find_spec("click") is not None
has_matplotlib = importlib.util.find_spec("matplotlib") is not None
has_launcher = importlib.util.find_spec("triton.backends.graft.launch.launcher") is not None

VERSIONS = f"graft {__version__}, for Triton {triton.__version__}\n"

FEW = Result("few", "2 tensors", "c-loop", "C loop", "", (3.0, 3.5, 3.25), 1.0)
REPORT = Report(
    title="Made-up times",
    facts={"GPU": "NVIDIA H200", "driver": "580.159.03"},
    options=LaunchOptions(rounds=3),
    results=[
        FEW,
        replace(FEW, side="graft", side_label="graft", rounds=(3.5, 3.75, 3.6), ratio=1.108, target="≤ 1.15",
                target_ratio=1.15, met=True),
        replace(FEW, side="triton", side_label="Triton", rounds=(12.0, 12.5, 12.125), ratio=3.73),
        replace(FEW, row="autotuned", row_label="autotuned", side="graft", side_label="graft", rounds=(10.0, 11.0, 10.5),
                ratio=None, target="≤ few + 0.3 µs", met=False),
    ],
    skipped=[Skipped("CuPy RawKernel", "ModuleNotFoundError: No module named 'cupy'", ("few", "many"))],
    notes=["graft's launches: hit 42"],
)  # fmt: skip


# -- The command line


@pytest.mark.parametrize("library", ["click", "rich"])
def test_without_its_libraries_the_command_line_names_what_to_install(library, tmp_path):
    code = f"import sys; sys.modules[{library!r}] = None\nfrom triton.backends.graft.__main__ import main; main()"
    done = run_python(code, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: the command line needs click and rich: pip install 'triton-graft[cli]'\n"


@pytest.mark.skipif(not has_click, reason="needs click")
def test_the_package_can_be_run_as_a_module(tmp_path):
    command = [sys.executable, "-m", "triton.backends.graft", "--version"]
    done = subprocess.run(command, env=clean_environment(tmp_path), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, VERSIONS, "")


def test_the_version_is_that_of_the_package_and_of_triton(graft):
    done = graft("--version")
    assert (done.exit_code, done.output) == (0, VERSIONS)


def test_every_option_of_the_benchmark_is_in_its_help(graft):
    done = graft("bench", "launch", "--help")
    assert done.exit_code == 0
    flags = [line.split()[0] for line in done.output.splitlines() if line.lstrip().startswith("--")]
    assert flags == ["--rounds", "--launches", "--batch", "--rows", "--side", "--json", "--markdown", "--plot", "--stub"]


def test_an_argument_that_is_not_allowed_ends_in_status_2(graft):
    done = graft("bench", "launch", "--rows", "few,fewer")
    assert done.exit_code == 2
    assert done.output == (
        "Error: --rows='few,fewer': expected one or more of few, nothing, nineteen, many, fifty-eight, tensors, callable-grid, "
        "cdiv-grid, function, operator, descriptor, descriptors, new-descriptor, scratch, hook, proton, autotuned, heuristics, freeze, "
        "freeze-gil, separated by commas; did you mean few?\n"
    )


def test_an_error_of_ours_ends_in_status_1(graft, monkeypatch):
    def fail(options):
        raise GraftError("there is nothing to launch on")

    monkeypatch.setattr(launch, "run", fail)
    done = graft("bench", "launch")
    assert (done.exit_code, done.output) == (1, "Error: there is nothing to launch on\n")


def test_the_report_is_printed_and_written(graft, monkeypatch, tmp_path):
    monkeypatch.setattr(launch, "run", lambda options: REPORT)
    done = graft("bench", "launch", "--json", str(tmp_path / "a.json"), "--markdown", str(tmp_path / "a.md"))
    assert (done.exit_code, done.output) == (0, report.format_text(REPORT) + "\n")
    assert (tmp_path / "a.json").read_text() == documents.format_json(report.to_document(REPORT))
    assert (tmp_path / "a.md").read_text() == report.format_markdown(REPORT)


def test_the_benchmark_runs_without_click_too(capsys, monkeypatch):
    monkeypatch.setattr(launch, "run", lambda options: replace(REPORT, notes=[f"{options.rounds} {options.side}"]))
    assert launch.main(["--rounds", "4", "--side", "triton,graft"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "4 ('graft', 'triton')"


def test_without_click_errors_and_status_are_the_same(capsys):
    assert launch.main(["--rounds", "0"]) == 2
    assert capsys.readouterr().err == "Error: --rounds='0': expected a positive integer\n"


# -- Arguments


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("rounds", "many", "a positive integer"),
        ("launches", "-1", "a positive integer"),
        ("batch", "1001", "at most 1000, as a device queues about 1024 launches"),
        (
            "side",
            "ours",
            "one or more of c-loop, nothing, graft, triton, compiled, torch, cuda-core, cupy, graph, tvm-ffi, separated by commas",
        ),
        ("json", "nowhere/a.json", "a file in a folder that exists"),
        ("markdown", ".", "a file in a folder that exists"),
        ("stub", "nowhere/libcuda.so.1", "the file of a stub libcuda.so.1"),
    ],
)
def test_a_wrong_argument_is_blamed_by_name_with_what_is_allowed(name, text, expected):
    with pytest.raises(OptionError) as error:
        LaunchOptions.from_texts({name: text})
    assert str(error.value) == f"--{name}={text!r}: expected {expected}"


@pytest.mark.skipif(not has_matplotlib, reason="needs matplotlib")
def test_a_plot_of_an_unknown_kind_is_an_error():
    with pytest.raises(OptionError, match=r"^--plot='a\.bmp': expected a file that ends in \.png, \.svg, \.pdf$"):
        LaunchOptions.from_texts({"plot": "a.bmp"})


def test_a_plot_without_matplotlib_names_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GraftError, match=r"^--plot a\.png: this needs matplotlib: pip install 'triton-graft\[bench\]'$"):
        LaunchOptions.from_texts({"plot": "a.png"})


def test_arguments_that_are_not_given_have_their_defaults():
    options = LaunchOptions.from_texts({"rounds": "7", "json": None})
    assert options == LaunchOptions(rounds=7)
    together = tuple(name for name in rows.ROWS if name != "proton")
    assert (options.launches, options.rows, options.side) == (2000, together, tuple(SIDES))


def test_the_command_says_what_is_not_the_default_and_no_folder(tmp_path):
    (tmp_path / "libcuda.so.1").write_bytes(b"stubReset")
    texts = {"rounds": "7", "rows": "few,nothing", "json": str(tmp_path / "a.json"), "stub": str(tmp_path / "libcuda.so.1")}
    options = LaunchOptions.from_texts(texts)
    assert options.command("launch") == "graft bench launch --rounds 7 --rows few,nothing --stub libcuda.so.1"
    assert LaunchOptions().command("launch") == "graft bench launch"


# -- Measuring and judging


class NoMachine:
    """Writes down what the measurement does."""

    def __init__(self):
        self.log = []

    @contextmanager
    def active(self, side):
        self.log.append(side)
        yield

    def synchronize(self):
        self.log.append("wait")

    def loop(self, seconds, name=""):
        """A loop that says it took *seconds* per launch."""

        def launch(count):
            self.log.append((name, count) if name else count)
            return count * seconds

        return launch


def test_a_batch_begins_with_an_empty_queue_and_never_fills_it():
    machine = NoMachine()
    seconds = launch.time_batches(machine.loop(2.0), 1200, 500, machine)
    assert machine.log == [launch.WARMUP, "wait", 500, "wait", 500, "wait", 200]
    assert seconds == 2.0


def entry(row, side, loop=None):
    return Entry(rows.ROWS[row], SIDES[side], loop)


def test_sides_take_turns_and_every_round_begins_with_another():
    machine = NoMachine()
    entries = [entry("few", side, machine.loop(i * 1e-6, side)) for i, side in enumerate(("c-loop", "graft", "triton"), 1)]
    times = launch.measure(entries, LaunchOptions(rounds=2, launches=5), machine)
    assert [[round(us, 9) for us in side] for side in times] == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]
    order = [item[0] for item in machine.log if isinstance(item, tuple) and item[1] == 5]
    assert order == ["triton", "c-loop", "graft", "c-loop", "graft", "triton", "graft", "triton", "c-loop"]
    drivers = [item for item in machine.log if item in ("triton", "graft")]
    assert drivers == ["triton", "triton", "graft", "triton", "graft", "triton", "graft", "triton", "triton"]


def test_ratios_are_taken_round_by_round_and_judged_for_our_side_only():
    entries = [entry("few", "c-loop"), entry("few", "graft"), entry("few", "triton")]
    results = launch.judge(entries, [[2.0, 4.0, 5.0], [2.2, 4.8, 5.5], [8.0, 8.0, 20.0]])
    assert [result.ratio for result in results] == pytest.approx([1.0, 1.1, 4.0])
    assert [result.target for result in results] == ["", "≤ 1.15", ""]
    assert [result.target_ratio for result in results] == [None, 1.15, None]
    assert [result.met for result in results] == [None, True, None]


def test_a_target_beside_the_plain_launch_is_in_microseconds():
    entries = [entry("few", "c-loop"), entry("few", "graft"), entry("autotuned", "c-loop"), entry("autotuned", "graft")]
    results = launch.judge(entries, [[2.0], [2.25], [2.0], [2.5]])
    assert (results[3].target, results[3].met, results[3].target_ratio) == ("≤ few + 0.3 µs", True, pytest.approx(1.275))
    assert not launch.judge(entries, [[2.0], [2.25], [2.0], [2.75]])[3].met


def test_without_what_it_compares_with_a_target_is_neither_met_nor_missed():
    results = launch.judge([entry("few", "graft"), entry("many", "graft")], [[2.0], [3.0]])
    assert [(result.ratio, result.target, result.met) for result in results] == [
        (None, "≤ 1.15", None),
        (None, "≤ 1.25", None),
    ]
    assert launch.judge([entry("autotuned", "graft")], [[2.0]])[0].met is None


def test_our_share_is_what_is_above_the_c_loop():
    results = launch.judge([entry("few", side) for side in ("c-loop", "graft", "triton")], [[2.0], [2.5], [7.0]])
    assert launch.describe_shares(results) == [
        "few: graft's share is 0.100 of Triton's (0.50 of 5.00 µs above the C loop)",
    ]
    assert launch.describe_shares([replace(result, tensors="objects") for result in results[1:]]) == [
        "few, objects: graft's share is 0.357 of Triton's (2.50 of 7.00 µs)",
    ]


def test_targets_are_what_was_asked_for():
    assert [row.target for row in rows.ROWS.values()] == [
        "≤ 1.15", "≤ 1.1", "≤ 1.2", "≤ 1.25", "≤ 1.45", "≤ 1.5", "≤ few + 0.3 µs", "≤ few + 0.5 µs", *["≤ nothing + 1.2 C loops"] * 2,
        "≤ few + 0.2 µs", "≤ few + 1.5 µs", "≤ few + 0.6 µs", "", "", "", "≤ few + 0.3 µs", "≤ few + 0.3 µs", "≤ 1.05", "≤ 1.05",
    ]  # fmt: skip


# -- Reports


def test_the_text_is_a_table_with_what_it_has_to_be_read_with():
    wide = max(len("C loop"), len("graft"))
    c_loop, graft, triton, head = (name.ljust(wide) for name in ("C loop", "graft", "Triton", "side"))
    assert report.format_text(REPORT) == (
        f"""\
Made-up times

row        {head}     µs  to C loop  target          met
2 tensors  {c_loop}   3.25       1.00
           {graft}   3.60       1.11  ≤ 1.15          yes
           {triton}  12.12       3.73
autotuned  {graft}  10.50             ≤ few + 0.3 µs  NO

GPU NVIDIA H200, driver 580.159.03
command: graft bench launch --rounds 3
not measured: CuPy RawKernel (few, many): ModuleNotFoundError: No module named 'cupy'
graft's launches: hit 42"""
    )


def test_the_markdown_has_the_same_table():
    assert report.format_markdown(REPORT) == (
        """\
Made-up times

| row | side | µs | to C loop | target | met |
| --- | --- | ---: | ---: | --- | --- |
| 2 tensors | C loop | 3.25 | 1.00 |  |  |
|  | graft | 3.60 | 1.11 | ≤ 1.15 | yes |
|  | Triton | 12.12 | 3.73 |  |  |
| autotuned | graft | 10.50 |  | ≤ few + 0.3 µs | NO |

- GPU NVIDIA H200, driver 580.159.03
- command: graft bench launch --rounds 3
- not measured: CuPy RawKernel (few, many): ModuleNotFoundError: No module named 'cupy'
- graft's launches: hit 42
"""
    )


def test_columns_that_say_nothing_are_left_out():
    results = [replace(result, ratio=None, target="", met=None, tensors="objects") for result in REPORT.results[:2]]
    assert report.make_columns(replace(REPORT, results=results)) == {
        "row": ["2 tensors", ""],
        "tensors": ["objects", ""],
        "side": ["C loop", "graft"],
        "µs": ["3.25", "3.60"],
    }


def test_the_rich_table_has_the_same_cells():
    rich = pytest.importorskip("rich.console")
    console = rich.Console(width=100, record=True, file=io.StringIO())
    console.print(report.format_rich(REPORT))
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in console.export_text().splitlines() if "│" in line]
    assert cells == [list(cells) for cells in zip(*report.make_columns(REPORT).values(), strict=True)]


def test_the_json_has_every_rounds_times_and_a_schema():
    read = json.loads(documents.format_json(report.to_document(REPORT)))
    assert list(read) == [
        "schema", "benchmark", "command", "facts", "options", "title", "results", "skipped", "notes",
    ]  # fmt: skip
    assert (read["schema"], read["benchmark"], read["options"]["rounds"]) == (2, "launch", 3)
    assert "json" not in read["options"]
    assert read["results"][1] == {
        "row": "few",
        "row_label": "2 tensors",
        "side": "graft",
        "side_label": "graft",
        "tensors": "",
        "rounds": [3.5, 3.75, 3.6],
        "ratio": 1.108,
        "target": "≤ 1.15",
        "target_ratio": 1.15,
        "met": True,
        "median": 3.6,
    }
    assert read["skipped"] == [
        {"side_label": "CuPy RawKernel", "reason": "ModuleNotFoundError: No module named 'cupy'", "rows": ["few", "many"]}
    ]


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")
    files.write_file(path, b"new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("report.json", "new")]


def test_a_file_that_cannot_be_written_is_left_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    path.write_text("old")

    def fail(source, target):
        raise OSError("no space")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        files.write_file(path, b"new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("report.json", "old")]


# -- A run


def run_against_stub(tmp_path, *arguments):
    """What the benchmark writes as JSON when it runs against the stub, in a process of its own."""
    try:
        library = stub_cuda.build()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    output = tmp_path / "report.json"
    command = [sys.executable, "-m", "triton.backends.graft.bench.launch", "--stub", str(library), "--json", str(output)]
    done = subprocess.run([*command, *arguments], env=clean_environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    read = json.loads(output.read_text())
    assert done.stdout.startswith(read["title"])
    return read


def test_a_run_against_the_stub_gives_a_well_formed_report(tmp_path):
    read = run_against_stub(tmp_path, "--rounds", "2", "--launches", "30", "--batch", "20", "--rows", "few", "--side", "triton")
    results = [result for result in read["results"] if result["tensors"] == "plain objects" and result["side"] == "triton"]
    assert [(result["row"], len(result["rounds"]), result["target"]) for result in results] == [("few", 2, "")]
    assert all(us > 0 for us in results[0]["rounds"])
    assert read["facts"]["GPU"] == "none, a stub of libcuda"


@pytest.mark.slow
@pytest.mark.skipif(not has_launcher, reason="needs the native launcher")
def test_a_run_against_the_stub_compares_our_share_with_tritons(tmp_path):
    read = run_against_stub(tmp_path, "--rounds", "2", "--launches", "30")
    objects = {(result["row"], result["side"]) for result in read["results"] if result["tensors"] == "plain objects"}
    wrapped = {name for name, row in rows.ROWS.items() if row.wrapper}  # these take PyTorch
    together = {name for name, row in rows.ROWS.items() if not row.alone}
    assert {(row, side) for row in together - wrapped for side in ("c-loop", "graft")} <= objects
    assert {row for row, _ in objects} == together
    assert {row for skipped in read["skipped"] for row in skipped["rows"]} == wrapped
    shares = [note for note in read["notes"] if "graft's share is" in note and "plain objects" in note]
    assert len(shares) == sum("triton" in row.sides for name, row in rows.ROWS.items() if name in together - wrapped)


def test_a_stub_comes_too_late_where_pytorch_is_loaded(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())
    stub = tmp_path / "libcuda.so.1"
    stub.touch()
    with pytest.raises(GraftError) as error:
        launch.run(LaunchOptions(stub=stub))
    assert str(error.value) == f"--stub {stub}: PyTorch or a CUDA driver is loaded already; begin in a fresh process"
