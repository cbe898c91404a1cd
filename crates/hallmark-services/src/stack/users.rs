//! Who runs the servers, and whether they can reach a path.

use std::path::Path;

use crate::platform;
pub(crate) use crate::platform::User;

/// Whether this process runs as root.
pub(crate) fn is_root() -> bool {
    platform::is_superuser()
}

/// The user of this name, from `/etc/passwd`.
pub(crate) fn find(name: &str) -> Option<User> {
    parse(&std::fs::read_to_string("/etc/passwd").ok()?, name)
}

fn parse(passwd: &str, name: &str) -> Option<User> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        Some(User { uid, gid: fields.next()?.parse().ok()? })
    })
}

/// The user that PostgreSQL runs as: it refuses root, so root hands it to the package's user.
pub(crate) fn postgres() -> Option<User> {
    is_root().then(|| find("postgres")).flatten()
}

/// The first folder on the way to `path` that this user may not pass.
pub(crate) fn first_impassable(path: &Path, user: User) -> Option<&Path> {
    let mut folders: Vec<&Path> = path.ancestors().collect();
    folders.reverse();
    folders.into_iter().find(|folder| match std::fs::metadata(folder) {
        Ok(facts) => !platform::may_pass(&facts, user),
        // What does not exist yet will be made by us, passable.
        Err(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_passwd() {
        let text = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(parse(text, "postgres"), Some(User { uid: 101, gid: 104 }));
        assert_eq!(parse(text, "post"), None);
    }

    #[test]
    fn the_root_folder_is_passable() {
        assert_eq!(first_impassable(Path::new("/"), User { uid: 65_534, gid: 65_534 }), None);
    }
}
