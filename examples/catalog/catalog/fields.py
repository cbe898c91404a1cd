"""`Field(...)`: what a type alone cannot say about a model's field.

The SDK's models take a type and a default. A `Field` adds a length, an index, a foreign key and the like for whoever reads
the model, and looks like a plain default to the SDK: reading it from the class gives its default, or nothing.
"""

from typing import Any, Callable, Optional

MISSING: Any = object()


class Field:
    """The description of one field; `describe(Model)` gives all of a model's."""

    def __init__(
        self,
        *,
        primary_key: bool = False,
        max_length: Optional[int] = None,
        index: bool = False,
        unique: bool = False,
        text: bool = False,
        decimal_places: Optional[int] = None,
        default: Any = MISSING,
        default_factory: Optional[Callable[[], Any]] = None,
        foreign_key: Optional[str] = None,
    ) -> None:
        if default is not MISSING and default_factory is not None:
            raise TypeError("a field has a default or a default_factory, not both")
        if max_length is not None and max_length < 1:
            raise ValueError("max_length must be at least 1")
        if decimal_places is not None and decimal_places < 0:
            raise ValueError("decimal_places must not be negative")
        self.name = ""
        self.primary_key = primary_key
        self.max_length = max_length
        self.index = index
        self.unique = unique
        self.text = text
        self.decimal_places = decimal_places
        self.default = default
        self.default_factory = default_factory
        self.foreign_key = foreign_key

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Optional[type] = None) -> Any:
        """The default, fresh from its factory if it has one; without a default the attribute is not there."""
        if self.default_factory is not None:
            return self.default_factory()
        if self.default is not MISSING:
            return self.default
        raise AttributeError(self.name)

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is MISSING and self.default_factory is None and not self.primary_key


def describe(model: type) -> dict[str, Field]:
    """The fields of a model that are declared with `Field`, by name, in their order."""
    return {name: value for name, value in vars(model).items() if isinstance(value, Field)}
