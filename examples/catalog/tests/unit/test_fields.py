"""`Field`: what it keeps, and what the SDK sees of it."""

import pytest

from catalog.fields import Field, describe

pytestmark = pytest.mark.unit


class Sample:
    key: int = Field(primary_key=True)
    name: str = Field(max_length=10, index=True, unique=True)
    kind: str = Field(default="plain")
    tags: list = Field(default_factory=list)
    price: float = Field(decimal_places=2)
    owner: int = Field(foreign_key="users.id")
    notes: str = Field(text=True)


def test_every_declaration_is_described():
    fields = describe(Sample)
    assert list(fields) == ["key", "name", "kind", "tags", "price", "owner", "notes"]
    assert fields["key"].primary_key and not fields["key"].required
    assert (fields["name"].max_length, fields["name"].index, fields["name"].unique) == (10, True, True)
    assert fields["price"].decimal_places == 2
    assert fields["owner"].foreign_key == "users.id"
    assert fields["notes"].text


def test_a_default_is_read_from_the_class():
    assert Sample.kind == "plain"


def test_a_factory_gives_a_fresh_value_each_time():
    assert Sample.tags == [] and Sample.tags is not Sample.tags


def test_a_field_without_default_is_required_and_not_there():
    assert describe(Sample)["name"].required
    assert not hasattr(Sample, "name")


def test_contradictions_are_refused():
    with pytest.raises(TypeError):
        Field(default=1, default_factory=int)
    with pytest.raises(ValueError):
        Field(max_length=0)
    with pytest.raises(ValueError):
        Field(decimal_places=-1)
