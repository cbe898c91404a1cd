//! The roles of a cluster, which no dump of a database holds.

use hallmark_core::Result;
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::backup::quote;
use super::error;

/// The roles that users made, as statements. The role that the cluster was made with is the stack's own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Roles {
    roles: Vec<Role>,
    /// Memberships and settings.
    after: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Role {
    name: String,
    /// The options of `CREATE ROLE`; a password only as the hash that the server keeps.
    options: String,
}

const OPTIONS: &str = "SELECT r.rolname::text, concat_ws(' ', \
    CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END, \
    CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, \
    CASE WHEN r.rolcanlogin THEN 'LOGIN' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END, \
    CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END, \
    CASE WHEN r.rolconnlimit >= 0 THEN format('CONNECTION LIMIT %s', r.rolconnlimit) END, \
    CASE WHEN r.rolpassword <> '********' THEN format('PASSWORD %L', r.rolpassword) END, \
    CASE WHEN r.rolvaliduntil IS NOT NULL THEN format('VALID UNTIL %L', r.rolvaliduntil) END)";

const AFTER: &str = "SELECT format('GRANT %I TO %I%s', pg_get_userbyid(m.roleid), pg_get_userbyid(m.member), \
      CASE WHEN m.admin_option THEN ' WITH ADMIN OPTION' ELSE '' END) FROM pg_auth_members m \
      WHERE m.roleid >= 16384 OR m.member >= 16384 \
    UNION ALL SELECT format('ALTER ROLE %I SET %I TO %s', pg_get_userbyid(r.setrole), split_part(s, '=', 1), \
      CASE WHEN split_part(s, '=', 1) = 'search_path' THEN substr(s, strpos(s, '=') + 1) \
      ELSE quote_literal(substr(s, strpos(s, '=') + 1)) END) \
      FROM pg_db_role_setting r, unnest(r.setconfig) AS s WHERE r.setdatabase = 0 AND r.setrole >= 16384 ORDER BY 1";

/// Reads them; without the right to read passwords, without passwords. Roles below 16384 come with every cluster.
pub(super) async fn read(client: &Client) -> Result<Roles> {
    let from = |table: &str| format!("{OPTIONS} FROM {table} r WHERE r.oid >= 16384 ORDER BY 1");
    let rows = match client.query(&from("pg_authid"), &[]).await {
        Ok(rows) => rows,
        Err(_) => client.query(&from("pg_roles"), &[]).await.map_err(error)?,
    };
    let roles = rows.iter().map(|row| Role { name: row.get(0), options: row.get(1) }).collect();
    let after = client.query(AFTER, &[]).await.map_err(error)?.iter().map(|row| row.get(0)).collect();
    Ok(Roles { roles, after })
}

/// Makes those that are missing. One that is there stays as it is, its password above all.
pub(super) async fn make(client: &Client, roles: &Roles) -> Result<()> {
    let mut made = false;
    for role in &roles.roles {
        let there = client.query_opt("SELECT 1 FROM pg_roles WHERE rolname = $1", &[&role.name]).await;
        if there.map_err(error)?.is_none() {
            let statement = format!("CREATE ROLE {} {}", quote(&role.name), role.options);
            client.batch_execute(&statement).await.map_err(error)?;
            made = true;
        }
    }
    if made {
        for statement in &roles.after {
            client.batch_execute(statement).await.map_err(error)?;
        }
    }
    Ok(())
}
