//! Seed files of Redis: one command a line, all in one transaction.

use hallmark_core::Result;

use super::{Redis, error};
use crate::stack::seed::{Source, words};

/// Runs the commands in one transaction and notes the file if all succeeded. A command that fails at run time leaves the
/// others done, as Redis's transactions do.
pub(crate) async fn load(redis: &Redis, source: &Source) -> Result<Option<u64>> {
    let mut connection = redis.connection().await?;
    let note = format!("hallmark:seed:{}", source.file);
    let noted: Option<String> =
        redis::cmd("GET").arg(&note).query_async(&mut connection).await.map_err(|e| error(&e))?;
    if source.is_there(noted.as_deref())? {
        return Ok(None);
    }
    let mut pipe = redis::pipe();
    pipe.atomic();
    let mut count = 0;
    for (number, line) in source.text.lines().enumerate() {
        let words = words(line).map_err(|why| source.wrong(number + 1, why))?;
        let Some((name, arguments)) = words.split_first() else { continue };
        if name.starts_with('#') {
            continue;
        }
        pipe.cmd(name).arg(arguments).ignore();
        count += 1;
    }
    let () = pipe.query_async(&mut connection).await.map_err(|e| error(&e))?;
    // Redis takes nothing back: a note inside the transaction would stay although a command failed.
    let () = redis::cmd("SET")
        .arg(&note)
        .arg(&source.digest)
        .query_async(&mut connection)
        .await
        .map_err(|e| error(&e))?;
    Ok(Some(count))
}
