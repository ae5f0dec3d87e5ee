"""Trees of settings as one, by pydantic-settings."""

from collections.abc import Mapping, Sequence

from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource


def merged(trees: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """The trees, strongest first, as one: merged key by key, lists replaced whole."""

    class Merged(BaseSettings):
        tree: dict[str, object] = {}

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: object, **__: object
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Nothing but these trees; the environment is already one of them."""
            return tuple(InitSettingsSource(settings_cls, {"tree": tree}) for tree in trees)

    return Merged().tree
