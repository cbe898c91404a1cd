//! Everything on a real PostgreSQL and a real Redis.

mod every_node;
mod support;
