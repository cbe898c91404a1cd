"""What others need for the same rows: python peers.py PEER DATABASE_URL, then one line a question, `read 250`, one line an answer.

The answer is a JSON array: microseconds of each operation; for `bulk N`, of all N rows together. The process is asked in turns with
the nodes, so that a busy moment falls on both. PEER is asyncpg, sqlalchemy, kailash-dataflow or kailash-enterprise, each used the
way its own documentation calls the quickest.
"""

import asyncio
import datetime
import json
import logging
import random
import sys
import time
from typing import Optional

ROWS = 20_000
COLUMNS = {
    "sku": "text", "name": "text", "description": "text", "category": "text", "brand": "text", "price": "float8",
    "cost": "float8", "stock": "int8", "weight": "float8", "is_active": "bool", "rating": "float8", "reviews": "int8",
    "supplier": "int8", "notes": "text",
}


def row(sku):
    return {
        "sku": sku, "name": f"product {sku}", "description": "what it is good for, in a sentence or two",
        "category": f"c{random.randrange(50)}", "brand": "ACME", "price": 9.5, "cost": 1.0, "stock": 3, "weight": 1.0,
        "is_active": True, "rating": 4.5, "reviews": 0, "supplier": 1, "notes": "",
    }


def key():
    return random.randrange(ROWS) + 1


class Asyncpg:
    """Statements that stay prepared, on one connection."""

    async def open(self, url):
        import asyncpg

        self.sql = await asyncpg.connect(url)
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        await self.sql.execute(
            f"CREATE TABLE products (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {columns},"
            " created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now())"
        )
        await self.bulk([row(f"s{n}") for n in range(ROWS)])
        names, places = ", ".join(COLUMNS), ", ".join(f"${n + 1}" for n in range(len(COLUMNS)))
        self.one = await self.sql.prepare("SELECT * FROM products WHERE id = $1")
        self.put = await self.sql.prepare(f"INSERT INTO products ({names}) VALUES ({places}) RETURNING *")
        self.page = await self.sql.prepare("SELECT * FROM products WHERE id > $1 ORDER BY id LIMIT 20")

    async def read(self):
        return dict(await self.one.fetchrow(key()))

    async def insert(self, values):
        return dict(await self.put.fetchrow(*values.values()))

    async def list(self):
        return [dict(found) for found in await self.page.fetch(key() // 2)]

    async def bulk(self, rows):
        await self.sql.copy_records_to_table(
            "products", columns=list(COLUMNS), records=[tuple(values.values()) for values in rows]
        )


class SqlAlchemy:
    """The asynchronous ORM over asyncpg, a session for each operation."""

    async def open(self, url):
        from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, Text, func
        from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
        from sqlalchemy.orm import declarative_base

        kinds = {"text": Text, "float8": Float, "int8": BigInteger, "bool": Boolean}
        members = {name: Column(kinds[kind]) for name, kind in COLUMNS.items()}
        members["id"] = Column(BigInteger, primary_key=True)
        for name in ("created_at", "updated_at"):
            members[name] = Column(DateTime(timezone=True), server_default=func.now())
        self.model = type("Product", (declarative_base(),), {"__tablename__": "products", **members})
        self.engine = create_async_engine(url.replace("postgres://", "postgresql+asyncpg://"))
        self.session = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)
        async with self.engine.begin() as connection:
            await connection.run_sync(self.model.metadata.create_all)
        await self.bulk([row(f"s{n}") for n in range(ROWS)])

    async def read(self):
        async with self.session() as session:
            found = await session.get(self.model, key())
            return {name: getattr(found, name) for name in COLUMNS}

    async def insert(self, values):
        async with self.session() as session, session.begin():
            made = self.model(**values)
            session.add(made)
        return made.id

    async def list(self):
        from sqlalchemy import select

        wanted = select(self.model).where(self.model.id > key() // 2).order_by(self.model.id).limit(20)
        async with self.session() as session:
            return [
                {name: getattr(found, name) for name in COLUMNS} for found in (await session.scalars(wanted)).all()
            ]

    async def bulk(self, rows):
        from sqlalchemy import insert

        async with self.session() as session, session.begin():
            await session.execute(insert(self.model), rows)


class KailashDataflow:
    """`db.express`, the way without a workflow."""

    async def open(self, url):
        from dataflow import DataFlow

        self.db = DataFlow(url.replace("postgres://", "postgresql://"), auto_migrate=True, cache_enabled=False)

        @self.db.model
        class Product:
            sku: str
            name: str
            description: Optional[str] = None
            category: str
            brand: Optional[str] = None
            price: float
            cost: Optional[float] = None
            stock: int = 0
            weight: Optional[float] = None
            is_active: bool = True
            rating: Optional[float] = None
            reviews: int = 0
            supplier: Optional[int] = None
            notes: Optional[str] = None

        await self.db.initialize()
        made = await self.db.express.create("Product", row("s0"))
        self.first = int(made["id"])
        await fill(self, 100)

    async def read(self):
        return await self.db.express.read("Product", self.first + key() - 1)

    async def insert(self, values):
        return await self.db.express.create("Product", values)

    async def list(self):
        return await self.db.express.list("Product", {"id": {"$gt": key() // 2}}, limit=20)

    async def bulk(self, rows):
        await self.db.express.bulk_create("Product", rows)


class KailashEnterprise:
    """`DataFlowExpressSync`, its blocking interface over compiled code."""

    async def open(self, url):
        from kailash.dataflow import DataFlowConfig, DataFlowExpressSync, FieldType, ModelDefinition

        kinds = {"text": FieldType.text(), "float8": FieldType.float(), "int8": FieldType.integer(), "bool": FieldType.boolean()}
        model = ModelDefinition("Product", "products")
        model.field("id", FieldType.integer(), primary_key=True)
        for name, kind in COLUMNS.items():
            model.field(name, kinds[kind], nullable=True)
        model.auto_timestamps()
        self.db = DataFlowExpressSync.from_config(DataFlowConfig(url.replace("postgres://", "postgresql://")))
        self.db.register_model(model)
        self.db.create_tables()
        made = self.db.create("Product", row("s0"))
        self.first = int(made["id"])
        await fill(self, 1_000)

    async def read(self):
        return self.db.read("Product", self.first + key() - 1)

    async def insert(self, values):
        return self.db.create("Product", values)

    async def list(self):
        from kailash.dataflow import FilterCondition

        return self.db.list("Product", [FilterCondition.gt("id", key() // 2)], order_by="id", limit=20)

    async def bulk(self, rows):
        self.db.bulk_create("Product", rows)


async def fill(peer, part):
    """Rows put in by the peer itself, in parts of the size that suits it."""
    for first in range(1, ROWS, part):
        await peer.bulk([row(f"s{n}") for n in range(first, min(first + part, ROWS))])


PEERS = {
    "asyncpg": Asyncpg, "sqlalchemy": SqlAlchemy, "kailash-dataflow": KailashDataflow, "kailash-enterprise": KailashEnterprise,
}


async def measured(peer, what, count):
    if what == "bulk":
        rows = [row(f"b{time.time_ns()}-{n}") for n in range(count)]
        began = time.perf_counter()
        await peer.bulk(rows)
        return [(time.perf_counter() - began) * 1e6]
    taken = []
    for n in range(count):
        values = row(f"i{time.time_ns()}-{n}")
        began = time.perf_counter()
        found = await (peer.insert(values) if what == "insert" else getattr(peer, what)())
        taken.append((time.perf_counter() - began) * 1e6)
        if not found or what == "list" and len(found) != 20:
            raise SystemExit(f"{what} found nothing, or not all: {found!r}")
    return taken


async def main():
    logging.disable(logging.ERROR)
    # What libraries print must not come between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    peer = PEERS[sys.argv[1]]()
    await peer.open(sys.argv[2])
    print("[]", file=answers, flush=True)
    for line in sys.stdin:
        what, count = line.split()
        print(json.dumps(await measured(peer, what, int(count))), file=answers, flush=True)


asyncio.run(main())
