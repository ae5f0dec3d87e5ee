"""The three sources of settings together: the command line, the environment and a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from exporter import environment, yamlfile
from exporter.consistency import mistakes_of_source
from exporter.mistakes import Given, KeyPath, Located, Mistake, Place, Source, lines, locate
from exporter.reference import Row, find

_FILE, _FLAGS = 0, 2


@dataclass(frozen=True, slots=True)
class Sources:
    """What was given by flags, environment and file: the strongest source first."""

    given: tuple[Given, ...]

    @property
    def trees(self) -> tuple[Mapping[str, object], ...]:
        """The settings of each source that could be read."""
        return tuple(source.tree for source in self._known)

    def lines(self, mistakes: Iterable[Mistake]) -> tuple[str, ...]:
        """What is wrong with the sources and, by these mistakes, with what they give together."""
        found = [mistake for each in self.given for mistake in each.mistakes]
        for source in self._known:
            found += (locate(each, [source]) for each in mistakes_of_source(source.tree))
        # Without its file, settings would only seem to be missing or without effect.
        is_whole = len(self._known) == len(self.given)
        found += (locate(each, self._known) for each in mistakes if is_whole or not each.of_key)
        return lines(found)

    @property
    def _known(self) -> tuple[Source, ...]:
        return tuple(each.source for each in self.given if each.source)


def read(
    config_file: Path | None,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    rows: Sequence[Row],
) -> Sources:
    """What the three sources give; the environment may name the file."""
    given = (of_flags(flags, rows), environment.read(environ, rows))
    file = config_file or environment.config_file(environ)
    return Sources((*given, of_file(Path(file), rows)) if file else given)


def of_file(path: Path, rows: Sequence[Row]) -> Given:
    """The settings in this file, or no source if nothing in it can be read."""
    try:
        given = of_yaml(str(path), lambda: yamlfile.read(path))
    except (OSError, ValueError) as error:
        origin = Place(_FILE, 0, 0, str(path))
        return Given(None, (Located(origin, (), _unreadable(error)),))
    if given.source is None:
        return given
    anchored = _anchored(given.source.tree, path.parent, rows, ())
    return given._replace(source=replace(given.source, tree=anchored))


def of_yaml(name: str, read: Callable[[], yamlfile.Document]) -> Given:
    """What `read` finds in the YAML file `name`, or no source if nothing in it can be read.

    Raises what `read` does, apart from YamlError.
    """
    try:
        document = read()
        flaws: tuple[yamlfile.Flaw, ...] = ()
    except yamlfile.YamlError as error:
        flaws = error.flaws
        if error.rest is None:
            return Given(None, tuple(_located(name, flaw) for flaw in flaws))
        document = error.rest
    source = Source(
        Place(_FILE, 0, 0, name),
        document.root,
        {path: _place(name, position) for path, position in document.keys.items()},
        {path: _place(name, position) for path, position in document.values.items()},
    )
    return Given(source, tuple(_located(name, flaw) for flaw in flaws))


def of_flags(flags: Mapping[str, object], rows: Sequence[Row]) -> Given:
    """The settings given by flags, named without their dashes; None means not given."""
    settings = {row.flag.removeprefix("--"): row.keys for row in rows if row.flag}
    tree: dict[str, dict[str, object]] = {}
    places: dict[KeyPath, Place] = {}
    unknown = []
    for flag, value in flags.items():
        place = Place(_FLAGS, 0, 0, f"flag --{flag}", implies=settings.get(flag, ()))
        if flag not in settings:
            unknown.append(Located(place, (), "is not a setting"))
        elif value is not None:
            section, key = settings[flag]
            tree.setdefault(section, {})[key] = value
            places[section, key] = place
    return Given(Source(Place(_FLAGS, 0, 0, "flags"), tree, places, places), tuple(unknown))


def _anchored(
    tree: Mapping[str, object], folder: Path, rows: Sequence[Row], path: KeyPath
) -> dict[str, object]:
    """The tree with the paths in it relative to the file's folder, as Prometheus reads them."""
    anchored = dict(tree)
    for key, value in tree.items():
        if isinstance(value, Mapping):
            anchored[key] = _anchored(value, folder, rows, (*path, key))
        elif isinstance(value, str) and value and key.endswith("_file"):
            row = find(rows, (*path, key))
            anchored[key] = str(folder / value) if row and row.type == "path" else value
    return anchored


def _located(name: str, flaw: yamlfile.Flaw) -> Located:
    return Located(_place(name, flaw.position), flaw.path, flaw.sentence)


def _place(name: str, position: yamlfile.Position) -> Place:
    return Place(_FILE, position.line, position.column, f"{name}:{position.line}:{position.column}")


def _unreadable(error: OSError | ValueError) -> str:
    """Why the file cannot be read; ValueError is a name with a null character."""
    known: dict[type[Exception], str] = {
        FileNotFoundError: "does not exist; check --config.file or BRAZE_EXPORTER_CONFIG__FILE",
        PermissionError: "may not be read by this user",
        IsADirectoryError: "is a directory; name the file in it",
    }
    return known.get(type(error), "cannot be read")
