# SPDX-License-Identifier: MIT
"""Mutated bundles: the reader refuses each with a `BundleError`, or gives what is right. `make fuzz` takes many more."""

import contextlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import bundle_archive
import bundle_mutations
import pytest
from bundle_mutations import Random, examine, mutant, random_bundle, run, small_limits
from bundle_validator import broken_rule
from triton.backends.graft.bundle import loading
from triton.backends.graft.errors import BundleError
from triton.backends.graft.runtime import container, format


@pytest.mark.parametrize("seed", range(4))
def test_mutants_are_refused_or_right(seed):
    assert run(seed, range(250)).failures == {}


@pytest.mark.parametrize("seed", range(20))
def test_random_bundles_are_right(seed):
    bundle = random_bundle(Random(seed))
    data = format.pack(bundle)
    assert format.unpack(data) == bundle
    assert broken_rule(data) is None


def test_a_mutant_is_the_same_each_time():
    assert mutant(5, 17).data == mutant(5, 17).data


@pytest.mark.slow
def test_every_rule_is_met():
    answers = run(0, range(2000)).answers
    assert [rule for rule in bundle_mutations.RULES if not answers[rule]] == []


def test_the_command_runs_mutants_apart():
    script = Path(bundle_mutations.__file__)
    done = subprocess.run([sys.executable, script, "--seed", "3", "--count", "60"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("60 of 60 mutants, 0 failures\n    accepted  ")


# -- What would be wrong is found


def failures(monkeypatch, name, replacement, module=format, count=300):
    monkeypatch.setattr(module, name, replacement)
    return "\n".join(run(0, range(count)).failures.values())


def test_a_check_that_is_left_out_is_found(monkeypatch):
    assert "it is accepted, where the validator says order; steps: " in failures(
        monkeypatch, "_check_order", lambda content: None
    )


def test_a_field_of_a_launch_that_may_be_missing_is_found(monkeypatch):
    optional = {name: format._or_missing(check) for name, check in format._LAUNCHING.items()}
    assert "it is accepted, where the validator says schema; steps: lie" in failures(monkeypatch, "_LAUNCHING", optional)


def test_a_text_that_is_none_is_found(monkeypatch):
    def decoded(self, variant):
        stages = {stage: self._bundle.artifacts[name] for stage, name in variant["files"].items()}
        return {stage: data if stage == "cubin" else data.decode() for stage, data in stages.items()}

    assert "using it raises UnicodeDecodeError" in failures(monkeypatch, "_stages", decoded, loading.Loaded)


def test_most_lies_keep_all_rules():
    answers = Counter(map(answer_to_a_lie, range(200)))
    assert answers["accepted"] > 100
    assert len(answers) > 2


def answer_to_a_lie(seed):
    rng = Random(seed)
    bundle = random_bundle(rng)
    with contextlib.suppress(RecursionError):
        bundle_mutations.lie_anywhere(rng, bundle.content)
    data = bundle_archive.bundle(bundle.content, bundle.artifacts.values())
    return broken_rule(data) or "accepted"


def test_content_that_is_changed_is_found(monkeypatch):
    unpack = format.unpack
    assert "its content was changed" in failures(monkeypatch, "unpack", lambda data: unpack(data)._replace(artifacts={}))


def test_a_refusal_of_what_is_right_is_found(monkeypatch):
    def refuse(data):
        raise BundleError("size", "no")

    assert "where the validator says None" in failures(monkeypatch, "unpack", refuse, count=50)


def test_another_exception_is_found(monkeypatch):
    def fail(comment):
        raise UnicodeError("no")

    assert "it raises UnicodeError: no" in failures(monkeypatch, "_check_comment", fail, container, count=50)


def test_an_endless_loop_is_found(monkeypatch):
    monkeypatch.setattr(bundle_mutations, "SECONDS", 0.01)

    def spin(data):
        while True:
            pass

    monkeypatch.setattr(format, "unpack", spin)
    with small_limits():
        assert examine(mutant(0, 0)).failure == "it raises TooSlowError: it takes more than 0.01 s"


def test_a_crash_is_found_by_its_number(monkeypatch):
    data, unpack = mutant(0, 5).data, format.unpack

    def crash(other):
        return sys.exit(7) if other == data else unpack(other)

    monkeypatch.setattr(format, "unpack", crash)
    report = bundle_mutations.run_apart(0, range(8))
    assert report.failures == {5: "the process ends with 7"}
    assert sum(report.answers.values()) == 8


def test_the_table_says_which_rules_were_never_met():
    table = bundle_mutations.format_table(Counter({rule: 1000 for rule in bundle_mutations.RULES if rule != "size"}))
    assert table.startswith("    accepted         0\n        size         0\n         zip     1,000\n")
    assert table.endswith("\nnever met: size")
