#!/usr/bin/env python3
"""Checks that no two files of one crate import each other in a circle.

A parent and its child may: a file with `mod name;` and the file of that module. Names that a file passes on with `use` count as
imports of the file that defines them. Code under `#[cfg(test)]` does not count. A module with `#[path]` counts in the crate of its
file only.

Usage: scripts/check-import-circles.py [FOLDER-OF-A-CRATE ...]
Without folders it checks all crates of the repository, except the examples.
"""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = re.compile(
    r"""
      //[^\n]* | (?P<block>/\*)
    | b?r(?P<hashes>\#*)"(?:.|\n)*?"(?P=hashes)
    | [bc]?"(?:\\.|[^"\\])*"
    | b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'])'
    | '\w+
    | (?P<word>(?:r\#)?[A-Za-z_]\w*) | (?P<number>\d\w*) | (?P<sign>::|=>|->|[^\s\w])
    """,
    re.VERBOSE | re.DOTALL,
)
DEFINES = {"struct", "enum", "union", "trait", "type", "fn", "const", "static"}
BEFORE_ITEMS = {"pub", "async", "unsafe", "extern", "const", "default"}
OPENING, CLOSING = {"(", "[", "{"}, {")", "]", "}"}


def tokens(text: str) -> list[str]:
    """Words and signs; `""` for a text or a number."""
    found, at = [], 0
    while match := TOKEN.search(text, at):
        at = match.end()
        if match["block"]:
            depth = 1
            while depth and (mark := re.compile(r"/\*|\*/").search(text, at)):
                at, depth = mark.end(), depth + (1 if mark[0] == "/*" else -1)
        elif match["word"] or match["sign"]:
            found.append(match[0].removeprefix("r#"))
        elif not match[0].startswith(("//", "'")) or match[0].endswith("'"):
            found.append('""')
    return found


@dataclass
class Module:
    """A module of a crate, in a file of its own or inside the one of its parent."""

    path: tuple[str, ...]
    file: Path
    children: dict[str, "Module"] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    imports: dict[str, tuple[str, ...]] = field(default_factory=dict)
    globs: list[tuple[str, ...]] = field(default_factory=list)
    used: set[tuple[str, ...]] = field(default_factory=set)


class Crate:
    """The modules of one library or program, from its root file on."""

    def __init__(self, root: Path):
        self.modules: dict[tuple[str, ...], Module] = {}
        self.add((), root, root.parent)

    def add(self, path: tuple[str, ...], file: Path, folder: Path) -> Module:
        module = self.modules[path] = Module(path, file)
        Reader(self, module, folder).read(tokens(file.read_text()))
        return module

    def file_of(self, module: Module, path: tuple[str, ...], seen: frozenset = frozenset()) -> Path | Module | None:
        """Where `path`, as written in `module`, leads: the file that defines it, a module, or nothing in this crate."""
        first, rest = path[0], path[1:]
        if first == "crate":
            return self.inside(self.modules[()], rest, seen)
        if first == "self":
            return self.inside(module, rest, seen)
        if first == "super":
            return self.inside(self.modules[module.path[:-1]], rest, seen) if module.path else None
        if first in module.children or first in module.defined or first in module.imports:
            return self.inside(module, path, seen)
        return None

    def inside(self, module: Module, path: tuple[str, ...], seen: frozenset) -> Path | Module | None:
        if not path:
            return module
        first, rest = path[0], path[1:]
        if first == "super":
            return self.inside(self.modules[module.path[:-1]], rest, seen)
        if first in module.children:
            return self.inside(module.children[first], rest, seen)
        if first in module.defined:
            return module.file
        if first in module.imports:
            # A name that leads back to itself is that of another crate.
            step = (module.path, first)
            return None if step in seen else self.file_of(module, module.imports[first] + rest, seen | {step})
        for glob in module.globs:
            step = (module.path, (*glob, "*"))
            source = None if step in seen else self.file_of(module, glob, seen | {step})
            if isinstance(source, Module):
                found = self.inside(source, path, seen | {step})
                if found not in (None, source.file):
                    return found
        # A macro may have made it.
        return module.file

    def imports(self) -> dict[Path, dict[Path, set[str]]]:
        """By file: the files it imports from, and the names."""
        graph: dict[Path, dict[Path, set[str]]] = {module.file: {} for module in self.modules.values()}
        for module in self.modules.values():
            for path in module.used | set(module.imports.values()):
                target = self.file_of(module, path)
                if isinstance(target, Path) and target != module.file:
                    graph[module.file].setdefault(target, set()).add(path[-1])
            for glob in module.globs:
                target = self.file_of(module, glob)
                if isinstance(target, Module) and target.file != module.file:
                    graph[module.file].setdefault(target.file, set()).add("*")
        return graph

    def ancestry(self) -> dict[Path, tuple[str, ...]]:
        """By file: the path of its module, which the paths of the modules below it begin with."""
        return {module.file: module.path for module in reversed(self.modules.values())}


class Reader:
    """Reads one file into its module and the modules inside it."""

    def __init__(self, crate: Crate, module: Module, folder: Path):
        self.crate, self.folder = crate, folder
        # The innermost last, with the depth of the braces that it began at.
        self.open: list[tuple[Module, int]] = [(module, 0)]
        self.depth = 0

    def read(self, words: list[str]) -> None:
        at, file_path = 0, None
        while at < len(words):
            word, module = words[at], self.open[-1][0]
            at_items = self.depth == self.open[-1][1]
            if word == "#" and words[at + 1 : at + 2] in (["["], ["!"]):
                start = at + (2 if words[at + 1] == "!" else 1)
                end = group_end(words, start)
                attribute, at = words[start + 1 : end - 1], end
                if is_for_tests(attribute):
                    at = item_end(words, at)
            elif word == "mod" and words[at + 2 : at + 3] == [";"]:
                name = words[at + 1]
                file = next(
                    (file for file in (self.folder / f"{name}.rs", self.folder / name / "mod.rs") if file.exists()), None
                )
                if file:
                    module.children[name] = self.crate.add((*module.path, name), file, self.folder / name)
                at += 3
            elif word == "mod" and words[at + 2 : at + 3] == ["{"]:
                name = words[at + 1]
                inner = Module((*module.path, name), module.file)
                self.crate.modules[inner.path] = module.children[name] = inner
                self.depth += 1
                self.open.append((inner, self.depth))
                at += 3
            elif word == "use" and (at == 0 or words[at - 1] in (";", "}", "{", "]", "pub", ")")):
                at = self.read_use(module, words, at + 1, ())
            elif at_items and word in DEFINES and re.match(r"\w", words[at + 1]) and words[at + 1] not in DEFINES:
                module.defined.add(words[at + 1])
                at += 2
            elif at_items and word == "macro_rules":
                module.defined.add(words[at + 2])
                at += 3
            elif re.match(r"[A-Za-z_]", word) and words[at + 1 : at + 2] == ["::"]:
                start = at
                path = [word]
                while words[at + 1 : at + 2] == ["::"] and re.match(r"[A-Za-z_]", words[at + 2]):
                    path.append(words[at + 2])
                    at += 2
                if start == 0 or words[start - 1] != "::":
                    module.used.add(tuple(path))
                at += 1
            else:
                self.depth += (word == "{") - (word == "}")
                if self.depth < self.open[-1][1]:
                    self.open.pop()
                at += 1

    def read_use(self, module: Module, words: list[str], at: int, before: tuple[str, ...]) -> int:
        """One tree of a `use`; the place behind it."""
        path = before
        while True:
            word = words[at]
            if word == "::":
                at += 1
            elif word == "{":
                at += 1
                while words[at] != "}":
                    at = self.read_use(module, words, at, path)
                    at += words[at] == ","
                return at + 1
            elif word == "*":
                module.globs.append(path)
                return at + 1
            elif re.match(r"[A-Za-z_]", word):
                path = path if word == "self" and path else (*path, word)
                at += 1
                if words[at] == "as":
                    module.imports[words[at + 1] if words[at + 1] != "_" else ".".join(path)] = path
                    return at + 2
                if words[at] != "::":
                    module.imports[path[-1]] = path
                    return at
            else:
                return at


def group_end(words: list[str], at: int) -> int:
    """The place behind the group that is opened at `at`."""
    depth = 0
    while at < len(words):
        depth += (words[at] in OPENING) - (words[at] in CLOSING)
        at += 1
        if depth == 0:
            break
    return at


def item_end(words: list[str], at: int) -> int:
    """The place behind the item at `at`, its other attributes included; `at` itself where no item is."""
    start = at
    while words[at : at + 1] == ["#"]:
        at = group_end(words, at + 1)
    while words[at] in BEFORE_ITEMS or words[at] == '""':
        at = group_end(words, at + 1) if words[at + 1] == "(" else at + 1
    if words[at] not in DEFINES | {"mod", "use", "impl", "macro_rules"} and words[at - 1] != "const":
        return start
    while words[at] not in (";", "{"):
        at = group_end(words, at) if words[at] in OPENING else at + 1
    if words[at] == "{" and "use" not in words[start:at]:
        return group_end(words, at)
    while words[at] != ";":
        at += 1
    return at + 1


def is_for_tests(attribute: list[str]) -> bool:
    return attribute[:1] == ["cfg"] and "test" in attribute and "not" not in attribute


def circles(graph: dict[Path, dict[Path, set[str]]], ancestry: dict[Path, tuple[str, ...]]) -> list[list[Path]]:
    """Groups of files of which each reaches each other one, without those that are held together by a parent only."""
    found = []
    for group in components(graph):
        if len(group) == 1:
            continue
        parent = min(group, key=lambda file: len(ancestry[file]))
        above = ancestry[parent]
        if all(ancestry[file][: len(above)] == above for file in group):
            rest = set(group) - {parent}
            found += circles({file: {to: n for to, n in graph[file].items() if to in rest} for file in rest}, ancestry)
        else:
            found.append(sorted(group))
    return found


def components(graph: dict[Path, dict[Path, set[str]]]) -> list[list[Path]]:
    """Strongly connected components."""

    def reached(start: Path, edges: dict[Path, set[Path]], seen: set[Path], order: list[Path]) -> None:
        stack = [(start, iter(sorted(edges[start])))]
        seen.add(start)
        while stack:
            file, rest = stack[-1]
            following = next((to for to in rest if to not in seen), None)
            if following is None:
                order.append(stack.pop()[0])
            else:
                seen.add(following)
                stack.append((following, iter(sorted(edges[following]))))

    forward = {file: set(targets) for file, targets in graph.items()}
    backward: dict[Path, set[Path]] = {file: set() for file in graph}
    for file, targets in graph.items():
        for target in targets:
            backward[target].add(file)
    order: list[Path] = []
    seen: set[Path] = set()
    for file in sorted(graph):
        if file not in seen:
            reached(file, forward, seen, order)
    seen, groups = set(), []
    for file in reversed(order):
        if file not in seen:
            groups.append([])
            reached(file, backward, seen, groups[-1])
    return groups


def crate_folders() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*Cargo.toml"], check=True, stdout=subprocess.PIPE, text=True).stdout
    folders = (Path(line).parent for line in listed.splitlines())
    return [folder for folder in folders if folder.parts[:1] != ("examples-hooks",)]


def main() -> None:
    failed = False
    for folder in [Path(argument) for argument in sys.argv[1:]] or crate_folders():
        source = folder / "src"
        for root in [source / "lib.rs", source / "main.rs", *sorted((source / "bin").glob("*.rs"))]:
            if not root.exists():
                continue
            crate = Crate(root)
            graph = crate.imports()
            for circle in circles(graph, crate.ancestry()):
                failed = True
                print(f"these {len(circle)} files of {folder} import each other in a circle:")
                for file in circle:
                    for target in sorted(set(graph[file]) & set(circle)):
                        print(f"  {file} imports {', '.join(sorted(graph[file][target]))} of {target}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
