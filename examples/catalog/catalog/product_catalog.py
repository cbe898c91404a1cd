"""The product catalogue's own model, with everything that `Field` can say."""

from datetime import datetime
from decimal import Decimal
from typing import List

from catalog.database import db
from catalog.fields import Field


@db.model
class ProductCatalog:
    """A product as it is offered."""

    id: int = Field(primary_key=True)
    name: str = Field(max_length=255, index=True)
    category: str = Field(max_length=100, index=True)
    description: str = Field(text=True)
    price: Decimal = Field(decimal_places=2)
    safety_rating: str = Field(max_length=50)
    compliance_codes: List[str] = Field(default_factory=list)
    created_at: datetime = Field(default_factory=datetime.utcnow)
    updated_at: datetime = Field(default_factory=datetime.utcnow)
