# SPDX-License-Identifier: MIT
"""The build refuses code that compiles and is silently wrong (docs/abi.md)."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "cmake" / "traps.py"
CONSTANTS = "take the constant operation and its value (getDefiningOp<arith::ConstantOp>)"
TRAITS = "ask for the operation (isa<...>) or for an interface"


def check(path: Path, text: str) -> subprocess.CompletedProcess[str]:
    path.write_text(text)
    return subprocess.run([sys.executable, SCRIPT, path], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("code", "name", "remedy"),
    [
        ("matchPattern(value, m_Constant(&attribute))", "m_Constant", CONSTANTS),
        ("matchPattern(value, m_ConstantInt(&number))", "m_ConstantInt", CONSTANTS),
        ("matchPattern(value, m_Zero())", "m_Zero", CONSTANTS),
        ("op->hasTrait<OpTrait::ConstantLike>()", "hasTrait", TRAITS),
        ("op->getName().mightHaveTrait<OpTrait::IsTerminator>()", "mightHaveTrait", TRAITS),
    ],
)
def test_a_trap_is_refused_with_its_line_and_what_to_write_instead(code, name, remedy, tmp_path):
    result = check(tmp_path / "DoIt.cpp", f"void doIt() {{\n  if ({code}) {{\n  }}\n}}\n")
    expected = (
        f"{tmp_path / 'DoIt.cpp'}:2: error: {name} is never true in code that another compiler built than libtriton; {remedy}"
    )
    assert (result.returncode, result.stderr) == (1, f"{expected} (docs/abi.md)\n")


@pytest.mark.parametrize(
    "code",
    [
        "matchPattern(value, m_Op<arith::AddIOp>())",
        "// m_Constant is never true.",
        "/* op->hasTrait\n<OpTrait::ConstantLike> */",
        'emitRemark() << "hasTrait"',
        "bool hasTraits = m_count > 0;",
    ],
)
def test_other_matchers_comments_and_texts_are_no_traps(code, tmp_path):
    result = check(tmp_path / "DoIt.cpp", code)
    assert (result.returncode, result.stderr) == (0, "")
