# SPDX-License-Identifier: MIT
"""The cache key: the same for two compilations exactly when the same bytes would come out.

What the backend compiles is a kernel's TTIR (of Gluon, its first module) and nothing else of the program. So the key is a digest
of named components: the TTIR by its text, and what `inputs` lists. Whatever Python the kernel read is in the TTIR already.

Making TTIR takes milliseconds, so most look-ups go by a `manifest`: for a kernel's source and constants it has the read-sets
(`readset`) of earlier compilations, and the one that holds now names the TTIR. Where none does, or none can be
shown to, the TTIR is made; if it then has to be compiled, it is not made again.

Kernels are looked for in `places`, the bundles that are loaded, and then in the cache.

Triton asks for a key and then for the cache manager of its digest, in one thread: that is where the hooks are (`hooks`).
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, TracebackType
from typing import Any, NamedTuple, Protocol

import triton
from triton import knobs
from triton._C.libtriton import ir
from triton.compiler.compiler import ASTSource, IRSource, filter_traceback, make_backend
from triton.runtime.jit import JITFunction

from .. import hooks, plugin, wings
from ..diagnostics import is_compiling_shown
from . import inputs, readset, store
from .encoding import Encoder, UnprovableError, digest, joined, snapshot
from .manifest import Alternative, Manifest
from .readset import Remembered, Root

log = logging.getLogger(__name__)


class Request(NamedTuple):
    """What Triton asks for the key of."""

    source: Any
    backend: Any
    options: Any


class Common(NamedTuple):
    """What the keys of many kernels have in common."""

    compiler: inputs.Part
    code: inputs.Part


class Proof(NamedTuple):
    """A manifest by its key, and what it says of one TTIR."""

    manifest: str
    alternative: Alternative


class Lookup(NamedTuple):
    """A key, and what it was made from."""

    key: str
    #: The kernel's name, by which its files are called.
    name: str
    common: Common
    #: What is this kernel's own.
    own: dict[str, str]
    #: How the TTIR was known: "manifest", "ttir" or "source".
    way: str
    #: Why there is no read-set; empty if there is one.
    reason: str = ""
    #: What leads to the TTIR without making it.
    proof: Proof | None = None

    @property
    def components(self) -> dict[str, str]:
        """Everything that the key was made from, by name."""
        return {**self.common.compiler.components, **self.common.code.components, **self.own}


class _Made(NamedTuple):
    """TTIR that was made to know a key, and its text if it was printed with locations."""

    source: Any
    module: Any
    text: str


class Found(NamedTuple):
    """An entry that was found while its key was worked out: the paths of its files by name, and a manager to make it anew.

    With *make*, which makes the kernel of a source and the name of its entry, no file need be read.
    """

    manager: Any
    group: Mapping[str, str]
    make: Callable[[Any, str], Any] | None = None


class Place(Protocol):
    """Where compiled kernels are looked for."""

    def common(self, common: Common, target: Any) -> Common:
        """What the keys of the kernels there have in common, where *common* is that of this process."""

    def alternatives(self, manifest: str, name: str) -> Iterable[Alternative]:
        """What the manifest *manifest* of the kernel *name* says there."""

    def find(self, lookup: Lookup, source: Any) -> Found | None:
        """The entry for *lookup*, if it is there. It is to be launched as *source* is."""

    def entries(self, name: str) -> Iterable[store.Entry]:
        """The entries for kernels of this name."""


#: Where to look before the cache, in this order.
places: list[Place] = []

#: Told of each compilation that is found or made: what was asked for, its key, and the paths of its files by name.
observers: list[Callable[[Request, Lookup, dict[str, str]], None]] = []


class _Answer(NamedTuple):
    """What is asked for, and the answer."""

    request: Request
    lookup: Lookup


class _Thread(threading.local):
    """What this thread's last look-up left for the rest of the compilation."""

    #: What Triton has asked for.
    asked: _Answer | None = None
    #: What it is about to ask for.
    answer: _Answer | None = None
    found: Found | None = None
    made: _Made | None = None
    #: A context that nobody has used.
    context: Any = None


_thread = _Thread()


def triton_key() -> str:
    """The compiler as a text, for those who build keys of their own: PyTorch's Inductor, Triton's autotuner.

    They do not know our options, so what the environment gives as other defaults is in there. Raises `OptionError`.
    """
    given = [
        f"{option.variable}={value}" for option in wings.options().values() if (value := option.for_process()) != option.default
    ]
    return "-".join([triton.__version__, compiler_identity(), *given])


def compiler_identity() -> str:
    """What stands for the compiler: a digest, or `frozen:` and the user's own text."""
    frozen = inputs.frozen_key()
    return inputs.compiler().digest if frozen is None else f"frozen:{frozen}"


def get_cache_key(src: Any, backend: Any, options: Any, env_vars: dict | None = None) -> str:
    """What Triton's function of this name returns, for our backend: the key of *src*. Raises what compiling it would raise."""
    request = Request(src, backend, options)
    lookup = _take_answer(request) or look_up(request)
    _thread.asked = _Answer(request, lookup)
    return lookup.key


def get_cache_manager(hash: str) -> Any:
    """The cache manager for the entry *hash*; None if that is not of the key that this thread has just asked for."""
    asked, found = _thread.asked, _thread.found
    if asked is None:
        return None
    request, lookup = asked
    is_inspected = hash != entry_of(lookup)
    if is_inspected and not _stages_are_inspected():
        return None
    _thread.asked = _thread.found = None
    if found is not None and not is_inspected:
        manager: Any = _Ready(found)
    else:
        manager = store.get_cache_manager(hash, _about(request, lookup))
    if is_compiling_shown() and not store.requires_hits() and not (found and found.make):
        return _Unread(manager)
    if not (observers or store.requires_hits() or log.isEnabledFor(logging.DEBUG)):
        return manager

    def missed() -> None:
        from . import explain

        explain.report_miss(lookup, [entry for place in (*places, _cache) for entry in place.entries(lookup.name)])

    def tell(group: dict[str, str]) -> None:
        for observer in tuple(observers):
            observer(request, lookup, group)

    return store.Watched(manager, missed) if is_inspected else store.Watched(manager, missed, tell)


def _about(request: Request, lookup: Lookup) -> store.About:
    def variant() -> Mapping[str, Any]:
        return wings.first(lambda wing: wing.describe(request.source, request.options)) or {}

    made = _thread.made
    first = (made.module, made.text) if made is not None and made.source is request.source and made.text else None
    return store.About(lookup.components, variant, first)


class _Ready:
    """The manager of an entry that was found already, and need not be read again."""

    def __init__(self, found: Found):
        self._found = found

    def get_group(self, filename: str) -> dict[str, str] | None:
        return dict(self._found.group) if filename in self._found.group else self._found.manager.get_group(filename)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found.manager, name)


class _Unread:
    """The manager of an entry that is made again, as somebody wants to see how."""

    def __init__(self, manager: Any):
        self._manager = manager

    def get_group(self, filename: str) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)


def forget() -> None:
    """Lets go of what the last look-up of this thread left."""
    _thread.asked = _thread.answer = _thread.found = _thread.made = None


def compile_current(compile: Callable, source: Any, **kwargs: Any) -> Any:
    """What *compile*, which is Triton's, returns for *source*, with what says whether it is current."""
    try:
        return readset.attach(_ready_made(source, **kwargs) or compile(source, **kwargs))
    finally:
        forget()


def _ready_made(source: Any, target: Any, options: dict[str, Any], **kwargs: Any) -> Any:
    """The kernel that one of `places` has for *source*, if nobody wants to hear how it was come by; None: Triton is to go on.

    Triton would have the kernel's files written, so that it can read them again.
    """
    is_watched = observers or knobs.compilation.listener is not None or _stages_are_inspected()
    if not places or is_watched or kwargs or knobs.compilation.always_compile:
        return None
    backend = make_backend(target)
    request = Request(source, backend, backend.parse_options(dict(options)))
    lookup = look_up(request)
    _thread.answer = _Answer(request, lookup)
    found = _thread.found
    return None if found is None or found.make is None else found.make(source, entry_of(lookup))


def _take_answer(request: Request) -> Lookup | None:
    """The answer to *request* if it was worked out in this very compilation; once."""
    answer, _thread.answer = _thread.answer, None
    is_same = answer is not None and answer.request.source is request.source and answer.request.options == request.options
    return answer.lookup if answer is not None and is_same else None


def look_up(request: Request) -> Lookup:
    """The key that was asked for. Raises what making the TTIR raises."""
    forget()
    lookup = _look_up(request)
    log.debug("%s: key %s by %s%s", lookup.name, lookup.key, lookup.way, f" ({lookup.reason})" if lookup.reason else "")
    return lookup


def _look_up(request: Request) -> Lookup:
    source = request.source
    if isinstance(source, IRSource):
        return _by_text(request, _common(request), _ir_digest(source, request.options), "source")
    if _is_function(source) and not _stages_are_inspected():
        return _by_manifest(request)
    return _by_ttir(request, "its stages are inspected")


def _stages_are_inspected() -> bool:
    """Whether somebody may change the stages: what is compiled then is not what has this key, and Triton adds to the key."""
    return knobs.runtime.add_stages_inspection_hook is not None


def _common(request: Request, to_compile: bool = True) -> Common:
    """What the key has in common with others.

    Whether the pass library can be used shows when it is loaded. Before something is compiled, so that it is stored under
    the right key, it is.
    """
    if to_compile:
        plugin.available()
    return Common(inputs.compiler(), inputs.code(request.backend.target, request.options))


def _lookup(source: Any, common: Common, ttir: str, way: str, why: str | Proof) -> Lookup:
    """The look-up of what is compiled from a text with the digest *ttir*; *why*: what leads to it, or why nothing does."""
    reason, proof = (why, None) if isinstance(why, str) else ("", why)
    own = {"source.kind": source.ext, "source.text": ttir, **inputs.override(source)}
    key = inputs.part({"compiler": common.compiler.digest, "code": common.code.digest, **own}).digest
    return Lookup(key, source.name, common, own, way, reason, proof)


# -- By the function


def _is_function(src: Any) -> bool:
    """Whether *src* is a function as Triton or Gluon wraps it, and nobody's own kind of source."""
    gluon = sys.modules.get("triton.experimental.gluon._runtime")
    return type(src) is ASTSource or (gluon is not None and type(src) is gluon.GluonASTSource)


class _Asked(NamedTuple):
    """A request for the key of a function; *encoders* without end have met its root, and *text* is what they wrote of it."""

    request: Request
    root: Root
    text: str
    encoders: Iterator[Encoder]


def _by_manifest(request: Request) -> Lookup:
    source, common = request.source, _common(request, to_compile=False)
    root = Root(source.fn, tuple(sorted(source.constants.items())), _lines_count(request.options))
    try:
        encoder, text = root.begin()
        more = (root.begin()[0] for _ in itertools.repeat(None))
        asked = _Asked(request, root, text, itertools.chain((encoder,), more))
        for place in (*places, _cache):
            theirs = place.common(common, request.backend.target)
            manifest = _manifest_key(asked, theirs)
            lookup = _look_in(place, asked, theirs, manifest)
            if lookup is not None:
                return lookup
    except UnprovableError as error:
        return _by_ttir(request, str(error))
    return _by_recorded_ttir(asked, Manifest(manifest, source.name))


def _look_in(place: Place, asked: _Asked, common: Common, manifest: str) -> Lookup | None:
    """What *place* has for what is *asked*, by what its *manifest* says."""
    source = asked.request.source
    encoder = next(asked.encoders)
    for alternative in place.alternatives(manifest, source.name):
        if readset.check(encoder, alternative.reads) and _has_globals(encoder, alternative):
            lookup = _lookup(source, common, alternative.ttir, "manifest", Proof(manifest, alternative))
            if not _find(place, lookup, source):
                return None  # what is stored gets its key from the TTIR itself
            _use_globals(source.fn, encoder, alternative)
            readset.remember(source, Remembered(asked.root, asked.text, tuple(alternative.reads), tuple(encoder.watched)))
            return lookup
        encoder = next(asked.encoders)
    return None


def _manifest_key(asked: _Asked, common: Common) -> str:
    """What is known of a kernel without its TTIR. Raises `UnprovableError`."""
    request, source = asked.request, asked.request.source
    constants = {source.fn.arg_names[path[0]]: value for path, value in source.constants.items() if len(path) == 1}
    name = str(source.fn.repr(_SpecializationProxy(constants, source.signature)))
    facts = (
        common.compiler.digest,
        inputs.front_end(request.backend.target, request.options).digest,
        source.ext,
        str(asked.root.lines),
        name,
        asked.text,
        # Types are texts, except in tuples.
        *[_type_text(type_) for item in source.signature.items() for type_ in item],
        repr({path: items for path, items in source.attrs.items() if items}),
    )
    return digest(joined(facts))


def _type_text(type_: Any) -> str:
    return type_ if type(type_) is str else Encoder(lines=False).text(type_)


class _SpecializationProxy(NamedTuple):
    """What Triton gives the function that names a kernel."""

    constants: dict[str, Any]
    signature: dict[str, Any]


def _find(place: Place, lookup: Lookup, source: Any) -> bool:
    """Whether *place* has an entry for *lookup* of *source*, which is then kept for when Triton asks."""
    _thread.found = place.find(lookup, source)
    return _thread.found is not None


class _Cache:
    """The cache as a place."""

    def common(self, common: Common, target: Any) -> Common:
        return common

    def alternatives(self, manifest: str, name: str) -> Iterable[Alternative]:
        return Manifest(manifest, name).load()

    def find(self, lookup: Lookup, source: Any) -> Found | None:
        manager = store.get_cache_manager(entry_of(lookup))
        group = manager.get_group(f"{lookup.name[:150]}.json")
        return Found(manager, group) if group else None

    def entries(self, name: str) -> Iterable[store.Entry]:
        return store.entries(name) if knobs.cache.manager_class is None else ()


_cache = _Cache()


def entry_of(lookup: Lookup) -> str:
    """What Triton calls the entry of *lookup*."""
    return digest(lookup.key)


def _by_recorded_ttir(asked: _Asked, manifest: Manifest) -> Lookup:
    """Makes the TTIR and notes in *manifest* what it was made from."""
    request, root = asked.request, asked.root
    hooks.compiling()
    from .recording import Recorder

    _note_used_globals(root.function)
    with Recorder(root) as recorder:
        lookup = _by_ttir(request)
    reads, encoder = tuple(recorder.reads), recorder.encoder
    if encoder is not None:
        readset.remember(request.source, Remembered(root, asked.text, reads, tuple(encoder.watched)))
        if not recorder.reason:
            alternative = Alternative(lookup.own["source.text"], reads, _used_globals(root.function, encoder))
            manifest.add(alternative)
            lookup = lookup._replace(proof=Proof(manifest.key, alternative))
    return lookup._replace(reason=recorder.reason)


# -- By the TTIR


def _by_ttir(request: Request, reason: str = "") -> Lookup:
    return _by_text(request, _common(request), _make_ttir(request), "ttir", reason)


def _by_text(request: Request, common: Common, digest: str, way: str, reason: str = "") -> Lookup:
    """The look-up of what is compiled from a text with this *digest*, in the first place that has it."""
    for place in () if _stages_are_inspected() else places:
        theirs = place.common(common, request.backend.target)
        lookup = _lookup(request.source, theirs, digest, way, reason)
        if _find(place, lookup, request.source):
            return lookup
    return _lookup(request.source, common, digest, way, reason)


def _lines_count(options: Any) -> bool:
    """Whether lines may reach the artifact. Without line info, TTIR has no locations; for that C++ asks the environment."""
    compilation = knobs.compilation
    return bool(
        not compilation.disable_line_info
        or not inputs.flag_text(os.environ.get("TRITON_DISABLE_LINE_INFO", ""), flag=True)
        or compilation.dump_ir_extract_di_local_variables
        or compilation.use_ir_loc
        or options.instrumentation_mode
    )


def _make_ttir(request: Request) -> str:
    """Makes the first module, keeps it for the compilation that may follow, and returns its digest."""
    source, backend, options = request
    context = _context(backend)
    implementation, modules = backend.get_codegen_implementation(options), backend.get_module_map()
    try:
        module = source.make_ir(backend.target, options, implementation, modules, context)
    except Exception as error:
        filter_traceback(error)
        from . import recording

        raise error.with_traceback(_without(recording.__file__, error.__traceback__)) from error.__cause__
    text = str(module) if _lines_count(options) else ""
    _thread.made = _Made(source, module, text)
    make_ir = type(source).make_ir
    source.make_ir = lambda *args: _take_made(source, options, args) or make_ir(source, *args)
    return _module_digest(module, text)


def _context(backend: Any) -> Any:
    """A context with all dialects, for one module.

    Triton makes one for each compilation, also where the TTIR is there already: then it serves the next one. Nobody else has
    it, and an extension that was loaded since adds what it has.
    """
    context, _thread.context = _thread.context or ir.context(), None
    ir.load_dialects(context)
    backend.load_dialects(context)
    return context


def _without(file: str, traceback: TracebackType | None) -> TracebackType | None:
    """*traceback* without the frames of *file*, which say nothing to a user."""
    if traceback is None:
        return None
    rest = _without(file, traceback.tb_next)
    if traceback.tb_frame.f_code.co_filename == file:
        return rest
    return TracebackType(rest, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)


def _take_made(src: Any, options: Any, args: tuple) -> Any:
    """The module that was made of *src* in this thread, once. Of *args*, what Triton gives, the last is a context."""
    made, _thread.made = _thread.made, None
    if made is None or made.source is not src:
        return None
    if not (options.ir_override or knobs.compilation.override):  # what Triton parses itself goes there
        _thread.context = args[-1]
    return made.module


def _module_digest(module: Any, text: str) -> str:
    from . import canonical

    names = bool(knobs.compilation.dump_ir_extract_di_local_variables)
    return digest(canonical.module_text(module, text, names))


def _ir_digest(src: IRSource, options: Any) -> str:
    module = getattr(src, "module", None)
    return digest(src.src) if module is None else _module_digest(module, str(module) if _lines_count(options) else "")


# -- Used globals, which Triton compares at each launch


def _note_used_globals(function: JITFunction) -> None:
    """Has Triton note the globals that *function* uses, as it does when it makes its own key; what it noted before stays."""
    noted = dict(function.used_global_vals)
    function.cache_key  # noqa: B018 - a property that notes them, and refuses what Triton refuses
    function.used_global_vals |= noted


def _used_globals(function: JITFunction, encoder: Encoder) -> tuple[tuple[int, str], ...]:
    """The used globals of *function* in a way that another process understands."""
    numbers = {id(f.__globals__): n for n, f in reversed([*enumerate(encoder.objects)]) if isinstance(f, JITFunction)}
    return tuple((numbers[scope], name) for name, scope in function.used_global_vals if scope in numbers)


def _has_globals(encoder: Encoder, alternative: Alternative) -> bool:
    """Whether the used globals that *alternative* names are there. Who made it up may name others."""
    met = encoder.objects
    return all(
        number < len(met) and isinstance(met[number], JITFunction) and _is_used(name, met[number].__globals__, met)
        for number, name in alternative.used_globals
    )


def _is_used(name: str, scope: dict[str, Any], met: Iterable[Any]) -> bool:
    """Whether *name* is there in *scope*, and one of the functions that were *met* looks it up: it is copied, which others are not to be."""
    functions = [one.fn if isinstance(one, JITFunction) else one for one in met if isinstance(one, JITFunction | FunctionType)]
    return name in scope and any(name in function.__code__.co_names for function in functions if function.__globals__ is scope)


def _use_globals(function: JITFunction, encoder: Encoder, alternative: Alternative) -> None:
    """Notes the globals that *function* uses without looking for them; their values have just been found to be as before."""
    if function.hash is not None:
        return
    noted = {}
    for number, name in alternative.used_globals:
        scope = encoder.objects[number].__globals__
        value = scope.get(name)
        noted[name, id(scope)] = (snapshot(value), scope)
    function.used_global_vals = noted | function.used_global_vals
