//! Seed files of Redis: one command a line, all in one transaction.

use hallmark_core::Result;

use super::{Redis, error};
use crate::stack::seed::{Source, words};

/// Runs the commands and notes the file, all or nothing.
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
    pipe.cmd("SET").arg(&note).arg(&source.digest).ignore();
    let () = pipe.query_async(&mut connection).await.map_err(|e| error(&e))?;
    Ok(Some(count))
}
