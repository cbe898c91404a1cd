"""The models that exist so far."""

from datetime import datetime
from typing import Any, Dict, List, Optional

from .database import db


@db.model
class Product:
    """A product."""

    name: str
    category: str
    price: float
    tags: List[str] = []
    attributes: Dict[str, Any] = None
    discontinued_at: Optional[datetime] = None

    __indexes__ = [
        {"name": "idx_product_category", "fields": ["category"]},
        {"name": "idx_product_recent", "fields": ["name"], "condition": "discontinued_at > CURRENT_DATE"},
        {"name": "idx_product_vendor", "fields": ["vendor_id"]},
    ]


@db.model
class Supplier:
    """Who delivers."""

    id: int
    name: str
    email: Optional[str] = None
