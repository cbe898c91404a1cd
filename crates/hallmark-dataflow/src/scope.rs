//! Whose a row is, and whether it still is one: the one place that knows tenants, rules of rows, deleted and expired rows.
//!
//! Every kind of node builds its condition here, and every row that is made gets its owners here. A model that declares none of
//! it has the condition `true`.

use hallmark_workflow::Context;

use crate::engine::Engine;
use crate::options::Who;
use crate::sql::Sql;
use crate::table::{Column, Role, Table};
use crate::value::Bound;

impl Table {
    /// The columns that say whose a row is, the tenant's first.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &Column> {
        let tenant = self.columns.iter().filter(|c| c.role == Role::Tenant);
        tenant.chain(self.columns.iter().filter(|c| matches!(c.role, Role::Ruled(_))))
    }

    /// The columns that say whose a row is, with what they are for this caller: rows that are made have these values, and no others
    /// are seen or changed.
    pub(crate) fn owned(&self, context: &Context) -> Vec<(&Column, Bound)> {
        let value = |column: &Column| match column.role {
            Role::Ruled(Who::Caller) => context.caller.clone(),
            Role::Ruled(Who::Session) => context.session.clone().unwrap_or_default(),
            _ => Engine::tenant(context).to_owned(),
        };
        self.owners().map(|column| (column, Bound::Text(value(column)))).collect()
    }

    /// Appends the condition that a row is the caller's, deleted or not. Names stand alone, so that they are those of the innermost
    /// table.
    pub(crate) fn push_owned(&self, sql: &mut Sql, context: &Context) {
        sql.push("true");
        for (column, value) in self.owned(context) {
            sql.push(" AND ").push(&column.ident).push(" = ").bind(value, None);
        }
    }

    /// Appends the condition that a row is one the caller may see; names as in [`Table::push_owned`].
    pub(crate) fn push_scope(&self, sql: &mut Sql, context: &Context, deleted_too: bool) {
        self.push_owned(sql, context);
        if let Some(deleted) = self.with_role(Role::DeletedAt).filter(|_| !deleted_too) {
            sql.push(" AND ").push(&deleted.ident).push(" IS NULL");
        }
        if let Some(alive) = self.alive("") {
            sql.push(" AND ").push(&alive);
        }
    }

    /// The column that the life of a row counts from; `None` if rows never expire.
    #[must_use]
    pub(crate) fn ttl_column(&self) -> Option<&Column> {
        self.options.ttl_seconds?;
        match &self.options.ttl_field {
            Some(name) => self.columns.iter().find(|c| c.name() == name),
            None => self.with_role(Role::CreatedAt),
        }
    }

    /// The condition that a row's time is not over; `None` if rows never expire. `prefix` is such as `t.`.
    #[must_use]
    pub(crate) fn alive(&self, prefix: &str) -> Option<String> {
        let (seconds, column) = (self.options.ttl_seconds?, self.ttl_column()?);
        // One text for each table, so that the statement stays prepared.
        Some(format!("{prefix}{} > now() - interval '{seconds} seconds'", column.ident))
    }
}
