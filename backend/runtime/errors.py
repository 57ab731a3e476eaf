# SPDX-License-Identifier: MIT
"""The errors of bundles and of launches. Nothing here needs Triton."""

from __future__ import annotations

try:
    from ..errors import GraftError
except ImportError:  # the package triton_graft_runtime stands alone

    class GraftError(Exception):  # type: ignore[no-redef]
        """Base of all errors that triton-graft raises itself."""


#: The rules of docs/bundle-format.md, in its order; "cubin" has no number there.
FORMAT_RULES = (
    "size", "zip", "comment", "name", "method", "header", "gap", "bound", "length", "artifact", "json", "version", "digest",
    "schema", "reference", "order", "path", "unsigned", "untrusted", "signature", "cubin",
)  # fmt: skip


class BundleError(GraftError, ValueError):
    """A bundle is damaged, or cannot be built or used as you asked.

    `rule` is one word for what is wrong. It is one of `FORMAT_RULES` if the file breaks a rule of the bundle format. The message then
    names the rule.
    """

    def __init__(self, rule: str, message: str):
        super().__init__(f"{message} (rule {rule} of the bundle format)" if rule in FORMAT_RULES else message)
        self.rule = rule

    def __reduce__(self) -> tuple:
        """For `copy` and `pickle`, as between processes; the message may have been added to."""
        return _copied, (type(self), self.rule, self.args)


def _copied(cls: type[BundleError], rule: str, args: tuple) -> BundleError:
    error = cls(rule, "")
    error.args = args
    return error


class LaunchError(GraftError, RuntimeError):
    """A call of the CUDA driver failed. The message has the driver's text, the call and its arguments."""


class VariantError(GraftError, LookupError):
    """A bundle has no such kernel, or no variant of it for these arguments. The message lists those that it has."""


class OutOfResourcesError(GraftError, RuntimeError):
    """A kernel needs more of a resource than the device has, or scratch memory for which no allocator is set."""
