# SPDX-License-Identifier: MIT
"""Every form of class, function and container of Python that a kernel may take a number from, and how to change it a little.

A program is a module of some forms, a kernel that stores what they give, and nothing else. It is changed in its source, at any node
of its syntax tree, or in memory, in any attribute of its live objects.
"""

import ast
import copy
import dataclasses
import enum
import inspect
import types

import triton.language as tl
from triton.runtime.jit import ConstexprFunction, JITFunction

PRELUDE = """
import collections, dataclasses, enum, math, operator, types, typing
import triton
import triton.language as tl
"""

#: By name: what is defined, where `_` ends the names that are the program's own, and the number that comes of it.
FORMS = {
    "plain class": ("class C_:\n    A = 2\n    B = 3\n    def m(self, x=5):\n        return x + self.A", "C_.B + C_().m()"),
    "inherited": (
        "class P_:\n    A = 2\n    def m(self):\n        return 7\nclass Q_:\n    def m(self):\n        return 9\n"
        "class C_(P_, Q_):\n    B = 3",
        "C_.A + C_().m() * C_.B",
    ),
    "class with methods": (
        "class C_:\n    def __init__(self, x):\n        self.x = x\n    def __add__(self, other):\n        return self.x + other\n"
        "    def __len__(self):\n        return 4\n    def __getitem__(self, i):\n        return i * 3\n"
        "    def __eq__(self, other):\n        return True\n    def __bool__(self):\n        return False\n"
        "    def __call__(self, y):\n        return y - self.x\n    def __contains__(self, y):\n        return y == 3",
        "(C_(5) + 1) + len(C_(1)) + C_(1)[2] + C_(2)(9) + (10 if C_(1) else 20) + (C_(1) == 3) + (3 in C_(1))",
    ),
    "class with descriptors": (
        "class C_:\n    K = 3\n    @staticmethod\n    def s(x):\n        return x + 1\n    @classmethod\n    def c(cls, x):\n"
        "        return x + cls.K\n    @property\n    def p(self):\n        return 5",
        "C_().s(1) + C_().c(2) + C_().p",
    ),
    "class that is asked": (
        "class C_:\n    def __class_getitem__(cls, i):\n        return i * 2\nclass D_:\n    def __new__(cls, i):\n        return i * 3\n"
        "class E_:\n    def __getattr__(self, name):\n        return 8",
        "C_[3] + D_(2) + E_().anything",
    ),
    "metaclass": (
        "class M_(type):\n    def __call__(cls):\n        return 4\n    def __len__(cls):\n        return 3\nclass C_(metaclass=M_):\n    pass",
        "C_() + len(C_)",
    ),
    "metaclass of an enum": (
        "class M_(enum.EnumMeta):\n    def __len__(cls):\n        return 6\nclass C_(enum.Enum, metaclass=M_):\n    A = 2",
        "C_.A.value + len(C_)",
    ),
    "descriptors in values": (
        "class C_:\n    A = 3\nP_ = property(lambda self: 4)\nS_ = staticmethod(lambda: 5)\nC_.p = P_\nC_.s = S_\nC_.c = classmethod(lambda cls: cls.A)",
        "C_().p * 10 + C_().s() + C_().c()",
    ),
    "dtype": ("D_ = tl.dtype('fp16')", "D_.primitive_bitwidth"),
    "object": (
        "class C_:\n    A = 2\n    def m(self):\n        return 4\nX_ = C_()\nX_.a = 3",
        "X_.a + [X_][0].m()",
    ),
    "instance of a dataclass with slots": (
        "@dataclasses.dataclass(slots=True)\nclass C_:\n    a: int = 2\n    def m(self):\n        return self.a * 3\nX_ = C_()",
        "[X_][0].m() + C_().a",
    ),
    "slots": (
        "class C_:\n    __slots__ = ('x', 'y')\n    def __init__(self):\n        self.x = 3\n        self.y = 4",
        "C_().x + C_().y",
    ),
    "init subclass": (
        "class P_:\n    def __init_subclass__(cls, size=2):\n        cls.SIZE = size\nclass C_(P_, size=6):\n    pass",
        "C_.SIZE",
    ),
    "generic": (
        "T_ = typing.TypeVar('T_')\nclass C_(typing.Generic[T_]):\n    A = 4\n    def m(self):\n        return 6",
        "C_.A + C_().m()",
    ),
    "dataclass": (
        "@dataclasses.dataclass\nclass C_:\n    a: int = 2\n    b: int = 3\n    c: tuple = dataclasses.field(default_factory=lambda: (4, 5))",
        "C_().a * 100 + C_(7).b + C_().c[1] + (1 if C_(1) == C_(1) else 2)",
    ),
    "frozen dataclass": (
        "@dataclasses.dataclass(frozen=True, order=True)\nclass C_:\n    a: int = 2\n    b: int = 3\n    def m(self):\n        return self.a - self.b\n"
        "X_ = C_(4, b=6)",
        "C_(1, 2).m() + X_.a + [X_][0].m() * 3 + (1 if C_(1, 2) < C_(1, 3) else 2)",
    ),
    "dataclass of another": (
        "@dataclasses.dataclass\nclass P_:\n    a: int = 2\n@dataclasses.dataclass(kw_only=True)\nclass C_(P_):\n    b: int = 3\n"
        "    def __post_init__(self):\n        self.d = self.a + self.b",
        "C_(b=4).d + C_().a",
    ),
    "named tuple": (
        "class C_(typing.NamedTuple):\n    a: int = 2\n    b: int = 3\n    def m(self):\n        return self.a * 5\nX_ = C_(4)",
        "C_().a + X_.b + [X_][0].m() + C_(8)[0]",
    ),
    "namedtuple": ("C_ = collections.namedtuple('C_', 'a b', defaults=(3,))\nX_ = C_(2, b=5)", "C_(1).b + X_.a * 10 + X_[1]"),
    "enum": (
        "class C_(enum.Enum):\n    A = 2\n    B = 3\n    SIZE = enum.nonmember(6)\n    @classmethod\n    def _missing_(cls, v):\n        return cls.A\n"
        "    @property\n    def twice(self):\n        return self.value * 2\n    def m(self):\n        return 4",
        "C_.A.value + C_['B'].value * 10 + C_(9).value + C_.SIZE + C_.B.twice + [C_.A][0].m()",
    ),
    "int enum": (
        "class C_(enum.IntEnum):\n    A = 2\n    B = 3",
        "C_.A + int(C_.B) * 10 + len(C_) + (1 if C_.A < C_.B else 2)",
    ),
    "enum of mixed": (
        "class S_:\n    SIZE = 5\n    def m(self):\n        return 7\nclass C_(S_, enum.Enum):\n    A = (1, 2)\n    B = (3, 4)\n"
        "    def __init__(self, x, y):\n        self.x = x\n        self.y = y",
        "C_.A.SIZE + [C_.A][0].m() + C_.B.x * C_.B.y + [m.x for m in C_][0]",
    ),
    "flag": ("class C_(enum.IntFlag):\n    A = 1\n    B = 2\n    D = 4", "(C_.A | C_.D) + (C_.B & 3)"),
    "str enum": ("class C_(enum.StrEnum):\n    A = 'abc'\n    B = enum.auto()", "len(C_.A) + (5 if C_.B == 'b' else 6)"),
    "function": (
        "@triton.constexpr_function\ndef f_(a, b=2, /, *rest, c=3, **more):\n    n = a\n    for i in range(b):\n        n += i * c\n"
        "    return n + len(rest) + len(more)",
        "f_(1) + f_(1, 4, 5, c=2, d=9)",
    ),
    "function of many words": (
        "@triton.constexpr_function\ndef f_(x):\n    try:\n        if x > 3 and not x == 5:\n            raise ValueError(x)\n        y = 8 // (x - 2)\n"
        "    except ZeroDivisionError:\n        return 5\n    except ValueError as e:\n        return e.args[0]\n    finally:\n        x += 1\n"
        "    while (z := x) < 9:\n        x += 2\n        if x == 7:\n            continue\n        if x > 8:\n            break\n    else:\n        return 1\n    return y + z",
        "f_(1) + f_(2) * 10 + f_(4) * 100 + f_(5) * 7",
    ),
    "comprehensions": (
        "@triton.constexpr_function\ndef f_(n):\n    return sum(i * 2 for i in range(n) if i % 2) + [j for j in (3, 1)][0] + {k: k + 1 for k in (1, 2)}[2] + max(map(lambda q: q + 1, (1, 2)))",
        "f_(5)",
    ),
    "match": (
        "@triton.constexpr_function\ndef f_(x):\n    match x:\n        case 1 | 2:\n            return 3\n        case (a, b):\n            return a - b\n"
        "        case {'k': v}:\n            return v\n        case _:\n            return 9",
        "f_(1) + f_((5, 2)) + f_({'k': 4}) + f_(None)",
    ),
    "closure": (
        "def make_(n):\n    def inner(x, y=n):\n        nonlocal n\n        n += 0\n        return x * n + y\n    return triton.constexpr_function(inner)\nf_ = make_(3)",
        "f_(2)",
    ),
    "generator": (
        "@triton.constexpr_function\ndef f_(n):\n    def g():\n        yield n\n        yield from (1, 2)\n    return sum(g())",
        "f_(3)",
    ),
    "attribute of a function": (
        "@triton.constexpr_function\ndef f_(x):\n    return x\nf_.block = 4\n@triton.jit\ndef j_(x):\n    return x\nj_.block = 5",
        "f_.block * 10 + j_.block",
    ),
    "functions in a container": (
        "T_ = {'a': lambda x, k=3: x + k, 'b': lambda x, *, k=4: x * k}\ndef plain(x):\n    return x + 1\nplain.size = 6\nL_ = [plain]",
        "T_['a'](1) + T_['b'](2) + L_[0](1) + L_[0].size",
    ),
    "containers": (
        "L_ = [3, 1, 2]\nD_ = {'a': 1, 'b': 2}\nT_ = (1, (2, [3]))\nS_ = {3, 1}\nF_ = frozenset((4, 5))\nR_ = range(2, 9, 3)\nB_ = b'ab'\nZ_ = slice(0, 2)",
        "L_[0] + list([D_][0].values())[0] * 10 + list(D_)[1].count('b') + T_[1][1][0] + (5 if 3 in S_ else 6) + len(F_) + R_[1] + B_[0] + sum(L_[Z_])",
    ),
    "order of a set": ("S_ = {0, 8, 16}", "list(S_)[0] + 1"),
    "numbers": (
        "A_ = 2\nB_ = 3.5\nC_ = 1 + 2j\nD_ = 'xyz'\nE_ = None\nG_ = True",
        "A_ + int(B_ * 2) + int(C_.imag) + len(D_) + (1 if E_ is None else 2) + (3 if G_ else 4)",
    ),
    "constexprs": ("A_ = tl.constexpr(4)\nB_ = (tl.constexpr(2), 3)", "int(A_.value) + B_[1]"),
    "math": ("A_ = 10", "math.gcd(A_, 15) + int(math.sqrt(16))"),
    "modules in values": (
        "N_ = types.ModuleType('N_')\nN_.A = 3\nclass C_:\n    M = N_\n@triton.constexpr_function\ndef f_(m=N_):\n    return m.A",
        "C_.M.A * 10 + f_() * 100",
    ),
    "order of an enum": ("class C_(enum.Enum):\n    A = 2\n    B = 3\nN_ = C_._member_names_", "[m.value for m in C_][0]"),
    "one object by two names": ("L_ = [1]\nM_ = L_", "5 if L_ is M_ else 6"),
}

KERNEL = """
@triton.jit
def kernel(p):
    tl.store(p, {})
"""


def program(rng, count):
    """The source of a random program of *count* forms."""
    names = rng.sample(sorted(FORMS), count)
    text, calls = PRELUDE, []
    for number, name in enumerate(names):
        definitions, expression = (part.replace("_", "_") for part in FORMS[name])
        text += _numbered(definitions, number) + "\n"
        text += f"@triton.constexpr_function\ndef get_{number}():\n    return {_numbered(expression, number)}\n"
        calls.append(f"get_{number}()")
    return text + KERNEL.format(" + ".join(calls)), names


def _numbered(text, number):
    """*text* with a number after each name that is the program's own."""
    import re

    return re.sub(r"\b([A-Za-z]+)_\b(?!\w)", rf"\g<1>_{number}", text)


# -- In the source


def mutate_source(rng, text):
    """*text* with one node of its syntax tree changed; the kernel and the imports stay."""
    tree = ast.parse(text)
    body = [node for node in tree.body if not isinstance(node, ast.Import) and getattr(node, "name", "") != "kernel"]
    nodes = [node for top in body for node in ast.walk(top)]
    others = [node for node in nodes if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)]
    constants = [node for node in nodes if isinstance(node, ast.Constant)]  # most of what changes what comes out
    for _ in range(50):
        if _mutate_node(rng, rng.choice(constants if rng.random() < 0.4 and constants else nodes), others):
            break
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    except Exception:  # no program at all
        return text


def _mutate_node(rng, node, others):
    """Changes a random field of *node* in place; returns whether there was something to change."""
    name, value = rng.choice([*ast.iter_fields(node)] or [("", None)])
    if isinstance(value, list) and value:
        _mutate_list(rng, value)
    elif isinstance(node, ast.Constant) and name == "value":
        node.value = _mutated_constant(rng, value)
    elif isinstance(value, ast.operator | ast.cmpop | ast.unaryop | ast.boolop):
        setattr(node, name, rng.choice(_SIMILAR[type(value).__base__])())
    elif isinstance(value, ast.expr) and isinstance(getattr(value, "ctx", ast.Load()), ast.Load):
        setattr(node, name, copy.deepcopy(rng.choice(others)))
    elif isinstance(value, int) and name in ("is_async", "simple"):
        return False
    elif name in ("kwarg", "vararg") and isinstance(node, ast.arguments):
        setattr(node, name, None if value else ast.arg("extra"))
    elif isinstance(value, str):
        names = [getattr(other, name) for other in others if isinstance(getattr(other, name, None), str)]
        setattr(node, name, rng.choice(names) if names else f"{value}x")
    else:
        return False
    return True


_SIMILAR = {
    ast.operator: (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod),
    ast.cmpop: (ast.Eq, ast.NotEq, ast.Lt, ast.GtE, ast.Is, ast.In),
    ast.unaryop: (ast.USub, ast.Not, ast.UAdd),
    ast.boolop: (ast.And, ast.Or),
}


def _mutate_list(rng, items):
    index = rng.randrange(len(items))
    way = rng.choice(("swap", "remove", "double", "swap"))
    if way == "remove" and len(items) > 1:
        del items[index]
    elif way == "double":
        items.insert(index, copy.deepcopy(items[index]))
    else:
        other = rng.randrange(len(items))
        items[index], items[other] = items[other], items[index]


def _mutated_constant(rng, value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((value + 1, value - 1, value * 2, -value))
    if isinstance(value, str):
        return rng.choice((value + "q", value[:-1], value.upper()))
    return rng.choice((1, 2.5, None, "t"))


# -- In memory


def live_objects(module):
    """What the program *module* has in memory that can be changed, each with the name by which it was reached."""
    found, waiting = {}, [(name, value) for name, value in vars(module).items() if name[-1:].isdigit()]
    while waiting:
        name, value = waiting.pop()
        if id(value) in found or not _is_changeable(value, module):
            continue
        found[id(value)] = name, value
        waiting += ((f"{name}.{key}", part) for key, part in _parts(value))
    return list(found.values())


def _is_changeable(value, module):
    if isinstance(value, type | types.FunctionType):
        return value.__module__ == module.__name__
    kinds = (
        dict,
        list,
        set,
        tuple,
        JITFunction,
        ConstexprFunction,
        enum.Enum,
        types.CellType,
        staticmethod,
        classmethod,
        property,
        types.ModuleType,
        tl.dtype,
    )
    return isinstance(value, kinds) or dataclasses.is_dataclass(value)


def _parts(value):
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, list | set | tuple):
        return enumerate(value)
    if isinstance(value, types.FunctionType):
        return [("closure", cell) for cell in value.__closure__ or ()] + list(vars(value).items())
    if isinstance(value, JITFunction | ConstexprFunction):
        return [("fn", vars(value).get("fn"))]
    if isinstance(value, types.CellType):
        return [("contents", value.cell_contents)]
    if isinstance(value, property):
        return [("fget", value.fget)]
    if isinstance(value, staticmethod | classmethod):
        return [("func", value.__func__)]
    return list(vars(value).items()) if hasattr(value, "__dict__") else ()


def mutate_memory(rng, module):
    """Changes one of the live objects of *module*; returns what was done, or None if nothing could be."""
    by_kind = {}
    for found in live_objects(module):
        by_kind.setdefault(type(found[1]), []).append(found)
    name, value = rng.choice(rng.choice(list(by_kind.values())))
    change = rng.choice(_CHANGES[next(kind for kind in _CHANGES if isinstance(value, kind))])
    if rng.random() < 0.5:
        members = _members_of(type(value))
        again = [change for change in members if change.__name__ == "calling __init__"]
        change = rng.choice(again if again and rng.random() < 0.4 else members)
    try:
        change(rng, value)
    except Exception:  # whatever the program's own methods raise
        return None
    return f"{change.__name__} of {name}"


def _members_of(cls):
    """A change for each attribute that can be set of what is a *cls*, and for each method, that is written in C."""
    members = {name: member for base in reversed(cls.__mro__) for name, member in vars(base).items()}
    ways = [
        _WAYS[type(member)](name, member) for name, member in members.items() if type(member) in _WAYS and name not in _IDLE
    ]
    return sorted(ways, key=lambda way: way.__name__)


def _setting(name, member):
    def change(rng, value):
        member.__set__(value, _given(rng, value, getattr(value, name, None)))

    return _named(change, f"setting {name}")


def _calling(name, member):
    def change(rng, value):
        arguments = [_given(rng, value, value) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
        # Python up to 3.12 follows a class method of itself in C, and nothing ends that.
        if not (isinstance(value, classmethod) and any(argument is value for argument in arguments)):
            member(value, *arguments)

    return _named(change, f"calling {name}")


def _named(change, name):
    change.__name__ = name
    return change


#: How a member of a class is used that is written in C.
_WAYS = {
    types.MemberDescriptorType: _setting,
    types.GetSetDescriptorType: _setting,
    types.WrapperDescriptorType: _calling,
    types.MethodDescriptorType: _calling,
}

#: What changes any object that can be changed.
_CHANGING = {"__class__", "__delattr__", "__init__", "__setattr__"}
#: What runs the program's own code, and what those have, too, that nothing can change.
_IDLE = {"__call__", "__subclasses__"}.union(*map(vars, (object, bool, int, str, bytes, tuple, frozenset, range))) - _CHANGING


def _given(rng, value, old):
    """What may be given to a member of *value*, where *old* is."""
    ways = (
        lambda: _other(rng, old),
        lambda: rng.choice((0, 1, 2, 3, None, "A", "B", "m", "x", "value", "p", "s", "c")),
        lambda: rng.choice(([5, 6], {"A": 27, "x": 28}, (29, 30), (None, {"A": 31}), {32})),
        lambda: lambda *args: 18,
        lambda: type("Other", (value if isinstance(value, type) else type(value),), {"A": 33, "m": lambda *args: 34}),
        lambda: copy.copy(value),
        lambda: old,
    )
    return rng.choice(ways)()


def _other(rng, old):
    """A value like *old*, but another."""
    if isinstance(old, bool | int | str):
        return _mutated_constant(rng, old)
    if isinstance(old, types.FunctionType):
        return rng.choice((lambda *args, **kwargs: 11, lambda self=0, *args: 12))
    if isinstance(old, tuple):
        return (*old, 1)
    return rng.choice((13, None, lambda *args: 14))


def _set_attribute(rng, value):
    name = rng.choice([name for name in vars(value) if name not in ("__dict__", "__weakref__", "__module__", "__qualname__")])
    old = vars(value)[name]
    if isinstance(value, type) or rng.random() < 0.5:
        setattr(value, name, _other(rng, inspect.unwrap(getattr(old, "__func__", old)) if callable(old) else old))
    else:
        object.__setattr__(value, name, _other(rng, old))


def _add_attribute(rng, value):
    setattr(
        value,
        rng.choice(("__add__", "__len__", "__eq__", "__getitem__", "A", "a", "m", "block", "x", "value")),
        lambda *args: 15,
    )


def _delete_attribute(rng, value):
    delattr(value, rng.choice([name for name in vars(value) if not name.startswith("__d")]))


def _set_bases(rng, value):
    class Other(*value.__bases__ if value.__bases__ != (object,) else ()):
        A, B, SIZE = 21, 22, 23

        def m(self):
            return 24

    value.__bases__ = (Other, *value.__bases__[1:])


def _set_defaults(rng, value):
    value.__defaults__ = tuple(_other(rng, old) for old in value.__defaults__ or ()) or None


def _set_named_defaults(rng, value):
    value.__kwdefaults__ = {name: _other(rng, old) for name, old in value.__kwdefaults__.items()}


def _change_named_default(rng, value):
    name = rng.choice(sorted(value.__kwdefaults__))
    value.__kwdefaults__[name] = _other(rng, value.__kwdefaults__[name])


def _set_code(rng, value):
    constants = value.__code__.co_consts
    index = rng.choice([index for index, item in enumerate(constants) if isinstance(item, int)])
    value.__code__ = value.__code__.replace(co_consts=(*constants[:index], constants[index] + 1, *constants[index + 1 :]))


def _set_function(rng, value):
    value.fn = rng.choice((lambda *args, **kwargs: 16, value.fn))


def _change_cell(rng, value):
    value.cell_contents = _other(rng, value.cell_contents)


def _change_item(rng, value):
    key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
    value[key] = _other(rng, value[key])


def _reorder(rng, value):
    items = list(value.items()) if isinstance(value, dict) else list(value)
    value.clear()
    (value.update if isinstance(value, dict | set) else value.extend)(items[::-1])


def _add_item(rng, value):
    if isinstance(value, dict):
        value["new"] = 17
    else:
        (value.add if isinstance(value, set) else value.append)(17)


def _delete_item(rng, value):
    if isinstance(value, set):
        value.remove(rng.choice(sorted(value)))
    else:
        del value[rng.choice(list(value) if isinstance(value, dict) else range(len(value)))]


_OF_OBJECTS = (_set_attribute, _set_attribute, _add_attribute, _delete_attribute)
_CHANGES = {
    type: (*_OF_OBJECTS, _set_bases),
    types.FunctionType: (
        _set_defaults,
        _set_named_defaults,
        _change_named_default,
        _set_code,
        _set_code,
        _add_attribute,
        _set_attribute,
    ),
    JITFunction: (_add_attribute, _delete_attribute),
    ConstexprFunction: (_add_attribute, _delete_attribute, _set_function),
    types.CellType: (_change_cell,),
    dict: (_change_item, _reorder, _add_item, _delete_item),
    list: (_change_item, _reorder, _add_item, _delete_item),
    set: (_reorder, _add_item, _delete_item),
    object: _OF_OBJECTS,
}
