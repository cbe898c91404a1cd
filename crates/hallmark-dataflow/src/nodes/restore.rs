//! Bringing back rows that were deleted softly.

use hallmark_core::{Error, Result};
use serde_json::{Value, json};

use super::cache;
use super::crud::Call;
use crate::codes;
use crate::sql::Sql;
use crate::table::Role;
use crate::write;

impl Call<'_> {
    /// `UPDATE … SET deleted_at = NULL` of the deleted rows that the caller may see, up to what says which.
    fn restoration(&self) -> Result<Sql> {
        let deleted = self.table().with_role(Role::DeletedAt).ok_or_else(|| {
            let message = format!("{} keeps no deleted rows", self.table().model.name);
            Error::new(&codes::BAD_PARAMETER, message)
                .at("operation")
                .next("soft_delete in the model's options keeps them")
        })?;
        let mut sets = vec![format!("{} = NULL", deleted.ident)];
        sets.extend(write::touches(self.table(), "t."));
        let mut sql =
            Sql::new(format!("UPDATE {} AS t SET {} WHERE ", self.table().qualified, sets.join(", ")));
        self.engine.push_scope(&mut sql, self.context, true);
        sql.push(" AND ").push(&deleted.ident).push(" IS NOT NULL AND ");
        Ok(sql)
    }

    pub(super) async fn restore(&self) -> Result<Value> {
        let id = self.ask.need("id")?;
        let mut sql = self.restoration()?;
        self.table().push_key(&mut sql, id)?;
        let (columns, list) = self.returning();
        sql.push(" RETURNING ").push(list);
        self.engine.push_signature(&mut sql, self.context);
        let client = self.engine.client().await?;
        let Some(row) = sql.first(&**client).await? else {
            return Ok(json!({"operation": "restore", "found": false, "row": null}));
        };
        cache::forget(self.engine, self.context, std::slice::from_ref(id)).await;
        Ok(json!({"operation": "restore", "found": true, "row": self.masked(&columns, &row)?}))
    }

    pub(super) async fn bulk_restore(&self) -> Result<Value> {
        let filter = self.need_filter()?;
        let mut sql = self.restoration()?;
        crate::filter::push(&mut sql, self.table(), filter)?;
        sql.push(" RETURNING ").push(&self.table().key_selected());
        self.engine.push_signature(&mut sql, self.context);
        let client = self.engine.client().await?;
        let rows = sql.rows(&**client).await?;
        let ids = rows.iter().map(|row| self.table().key_of(row, 0)).collect::<Result<Vec<_>>>()?;
        cache::forget(self.engine, self.context, &ids).await;
        Ok(json!({"operation": "bulk_restore", "restored": ids.len()}))
    }
}
