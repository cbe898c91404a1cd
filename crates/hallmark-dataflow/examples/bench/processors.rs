//! Which processors the client and the server run on while the time of single statements is taken.
//!
//! Left to itself, the kernel puts a server process on the client's processor or on another one, and leaves it there for a while. The
//! same statement of the driver then takes 30 or 120 µs, for another processor has to be woken, and the ratio of two sides tells which of
//! them was lucky.

use std::process::Command;

use crate::Outcome;
use crate::world::World;

/// Client and server where they were put; they may run everywhere again when this is dropped.
pub(crate) struct Placed {
    /// The processes, and where each might run before.
    before: Vec<(u32, String)>,
}

/// The first two processors that this process may use; `None` if there is one, or nothing here can tell.
pub(crate) fn two() -> Option<(usize, usize)> {
    let mut all = allowed(std::process::id())?
        .split(',')
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?)
        })
        .flatten()
        .collect::<Vec<_>>()
        .into_iter();
    Some((all.next()?, all.next()?))
}

impl Placed {
    /// Puts this process and the server with all its processes on these processors.
    pub(crate) async fn new(world: &World, client: usize, server: usize) -> Outcome<Self> {
        let mut placed = Self { before: Vec::new() };
        placed.put(std::process::id(), client)?;
        // The first process first: those that it starts from now on are where it is.
        let main = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int";
        let others = "SELECT pid FROM pg_stat_activity";
        for query in [main, others] {
            for row in world.sql.query(query, &[]).await? {
                let pid = u32::try_from(row.get::<_, i32>(0))?;
                let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                if name.trim() == "postgres" {
                    placed.put(pid, server)?;
                }
            }
        }
        Ok(placed)
    }

    fn put(&mut self, pid: u32, processor: usize) -> Outcome {
        // Those that ended meanwhile need no place.
        let Some(before) = allowed(pid) else { return Ok(()) };
        run(&["-a", "-p", "-c", &processor.to_string(), &pid.to_string()])
            .ok_or("taskset puts nothing there")?;
        self.before.push((pid, before));
        Ok(())
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        for (pid, before) in &self.before {
            let _ = run(&["-a", "-p", "-c", before, &pid.to_string()]);
        }
    }
}

/// The list of processors that a process may use.
fn allowed(pid: u32) -> Option<String> {
    let text = run(&["-p", "-c", &pid.to_string()])?;
    Some(text.trim().rsplit_once(": ")?.1.to_owned())
}

fn run(arguments: &[&str]) -> Option<String> {
    let output = Command::new("taskset").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
