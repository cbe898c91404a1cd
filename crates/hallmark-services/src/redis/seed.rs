//! Seed files of Redis: one command a line, all in one transaction.

use hallmark_core::Result;

use super::{Redis, error};
use crate::stack::seed::{Source, words};

/// Commands that change the transaction of the file or the connection that it is loaded on.
const OF_THE_CONNECTION: &[&str] = &["MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "RESET", "QUIT"];

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
    let (pipe, count) = transaction(source, redis.database())?;
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

/// The file's commands in one transaction, with their number. They may go to other databases of the server; the last one comes back
/// to `home`, where the note is and which every user of the connection means.
fn transaction(source: &Source, home: i64) -> Result<(redis::Pipeline, u64)> {
    let mut pipe = redis::pipe();
    pipe.atomic();
    let mut count = 0;
    for (number, line) in source.text.lines().enumerate() {
        let words = words(line).map_err(|why| source.wrong(number + 1, why))?;
        let Some((name, arguments)) = words.split_first() else { continue };
        if name.starts_with('#') {
            continue;
        }
        if OF_THE_CONNECTION.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            let why = format!("{name} ends the connection or its transaction, in which the file is loaded");
            return Err(source.wrong(number + 1, &why));
        }
        pipe.cmd(name).arg(arguments).ignore();
        count += 1;
    }
    pipe.cmd("SELECT").arg(home).ignore();
    Ok((pipe, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<(String, u64)> {
        let source = Source {
            file: "a.redis".to_owned(),
            stem: "a".to_owned(),
            text: text.to_owned(),
            digest: String::new(),
            again: false,
        };
        let (pipe, count) = transaction(&source, 3)?;
        Ok((String::from_utf8_lossy(&pipe.get_packed_pipeline()).into_owned(), count))
    }

    #[test]
    fn a_file_that_goes_to_another_database_comes_back() {
        let (sent, count) = of("SELECT 4\nRPUSH list a\n").unwrap();
        assert_eq!(count, 2);
        assert!(sent.ends_with("$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$4\r\nEXEC\r\n"), "{sent}");
    }

    #[test]
    fn a_file_cannot_end_its_own_transaction() {
        for word in ["EXEC", "exec", "MULTI", "DISCARD", "RESET"] {
            let error = of(&format!("SET a 1\n{word}\n")).unwrap_err();
            assert!(error.is(&crate::stack::backup::codes::SEED_FILE), "{error:?}");
            assert_eq!(error.place(), Some("a.redis:2"));
        }
    }
}
