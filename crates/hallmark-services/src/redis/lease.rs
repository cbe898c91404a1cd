//! Entries that are filled from elsewhere, without a stale one ever being kept.
//!
//! Whoever fills an entry takes a *lease* before it asks the source. Whoever learns of a change takes the entry off and marks the
//! lease; a marked lease keeps nothing. So what was read before a change is never stored after it, however slow the reader is, and
//! whether or not it lives. A change is known by who made it: an entry that is that very change stays.
//!
//! Entries bear the *mark* of their time. A new mark ends all of them at once.

use std::sync::LazyLock;
use std::time::Duration;

use hallmark_core::{Result, random};
use redis::Script;

use super::LocalCache;
use crate::resilience::Repeat;

/// The names of an entry, of its lease and of its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The entry.
    pub entry: String,
    /// The lease of whoever fills it.
    pub lease: String,
    /// The mark that it shares with others.
    pub mark: String,
}

/// KEYS: lease, mark, sets of names. ARGV: token, milliseconds, mark if there is none, 1 to take another's, entry, now, life of sets.
static LEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local mark = redis.call('get', KEYS[2])
         if not mark then mark = ARGV[3]; redis.call('set', KEYS[2], mark) end
         local value = ARGV[1] .. ' ' .. mark
         if ARGV[4] == '1' then redis.call('set', KEYS[1], value, 'PX', ARGV[2])
         elseif not redis.call('set', KEYS[1], value, 'NX', 'PX', ARGV[2]) then return 0 end
         for i = 3, #KEYS do
            redis.call('zremrangebyscore', KEYS[i], '-inf', ARGV[6])
            redis.call('zadd', KEYS[i], ARGV[6] + ARGV[7], ARGV[5])
            redis.call('pexpire', KEYS[i], ARGV[7])
         end
         return 1",
    )
});

/// KEYS: entry, lease, mark. ARGV: token, by whom, text, milliseconds.
static KEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local held = redis.call('get', KEYS[2])
         if not held then return 0 end
         local token, mark, marks = string.match(held, '^(%S+) (%S+)(.*)$')
         if token ~= ARGV[1] then return 0 end
         redis.call('unlink', KEYS[2])
         if mark ~= redis.call('get', KEYS[3]) then return 0 end
         for by in string.gmatch(marks, '%S+') do if by ~= ARGV[2] then return 0 end end
         redis.call('set', KEYS[1], mark .. ' ' .. ARGV[2] .. ' ' .. ARGV[3], 'PX', ARGV[4])
         return 1",
    )
});

/// KEYS: entries and their leases in turn. ARGV: by whom.
static VOID: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local gone = 0
         for i = 1, #KEYS, 2 do
            local kept = redis.call('get', KEYS[i])
            if kept and string.match(kept, '^%S+ (%S+) ') ~= ARGV[1] then gone = gone + redis.call('unlink', KEYS[i]) end
            if redis.call('exists', KEYS[i + 1]) == 1 then redis.call('append', KEYS[i + 1], ' ' .. ARGV[1]) end
         end
         return gone",
    )
});

/// What an entry holds beside its text: the mark of its time and who made it.
#[must_use]
pub fn parts(kept: &str) -> Option<(&str, &str, &str)> {
    let (mark, rest) = kept.split_once(' ')?;
    let (by, text) = rest.split_once(' ')?;
    Some((mark, by, text))
}

impl LocalCache {
    /// Takes the right to fill an entry for a time; `false` if another has it, unless that is to lose it. The entry's name is noted
    /// in these sets for `life`.
    ///
    /// # Errors
    /// Those of Redis.
    pub async fn lease(
        &self,
        place: &Place,
        token: &str,
        (held, take_over): (Duration, bool),
        (sets, life): (&[String], Duration),
    ) -> Result<bool> {
        let fresh = &random::token(16)?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let work = |mut redis: redis::aio::ConnectionManager| async move {
            let mut call = LEASE.prepare_invoke();
            call.key(&place.lease).key(&place.mark);
            for set in sets {
                call.key(set);
            }
            call.arg(token).arg(milliseconds(held)).arg(fresh).arg(u8::from(take_over)).arg(&place.entry);
            call.arg(milliseconds(now)).arg(milliseconds(life));
            call.invoke_async::<i64>(&mut redis).await
        };
        self.work(Repeat::Never, work).await.map(|taken| taken == 1)
    }

    /// Keeps a text under a lease, made by this change; `false` if the lease is over, or something else changed meanwhile.
    ///
    /// # Errors
    /// Those of Redis: whether it holds the text is not known, and this process does not believe it.
    pub async fn keep_leased(
        &self,
        place: &Place,
        (token, by): (&str, &str),
        text: &str,
        ttl: Duration,
    ) -> Result<bool> {
        self.forget_here(&place.entry);
        let work = |mut redis: redis::aio::ConnectionManager| async move {
            let mut call = KEEP.prepare_invoke();
            call.key(&place.entry).key(&place.lease).key(&place.mark);
            call.arg(token).arg(by).arg(text).arg(milliseconds(ttl).max(1));
            call.invoke_async::<i64>(&mut redis).await
        };
        let kept = self.work(Repeat::Never, work).await;
        if kept.is_err() {
            self.owe([place.entry.as_str()]);
        }
        kept.map(|kept| kept == 1)
    }

    /// Takes entries off that this change has not made, and marks the leases of those who fill them. What could not be taken off is
    /// owed.
    ///
    /// # Errors
    /// Those of Redis: it may hold the entries still, and this process does not believe them.
    pub async fn void(&self, places: &[Place], by: &str) -> Result<u64> {
        places.iter().for_each(|place| self.forget_here(&place.entry));
        let work = |mut redis: redis::aio::ConnectionManager| async move {
            let mut call = VOID.prepare_invoke();
            for place in places {
                call.key(&place.entry).key(&place.lease);
            }
            call.arg(by).invoke_async::<u64>(&mut redis).await
        };
        let gone = self.work(Repeat::Idempotent, work).await;
        // Somebody may have read the old entry just before it went.
        places.iter().for_each(|place| self.forget_here(&place.entry));
        if gone.is_err() {
            self.owe(places.iter().map(|place| place.entry.as_str()));
        }
        gone
    }

    /// Ends every entry of a mark.
    ///
    /// # Errors
    /// Those of Redis: the entries may be there still.
    pub async fn end_all(&self, mark: &str) -> Result<()> {
        let fresh = &random::token(16)?;
        let work = |mut redis: redis::aio::ConnectionManager| async move {
            redis::cmd("SET").arg(mark).arg(fresh).query_async::<()>(&mut redis).await
        };
        let done = self.work(Repeat::Idempotent, work).await;
        self.forget_all_here();
        done
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
