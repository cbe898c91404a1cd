//! Every bound of the channels. What hits one is told so, with a code.

/// The largest request body, MCP message or WebSocket message, in bytes: 413 and `HM-N005` beyond.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How much of a WebSocket message beyond [`BODY_BYTES_MAX`] is still read to be refused with a code, in bytes.
pub const MESSAGE_SLACK_BYTES: usize = 64 * 1024;

/// Operations under way at once in one process: 503 and `HM-N006` beyond.
pub const OPERATIONS_MAX: usize = 256;

/// Operations under way at once for one principal: 429 and `HM-N007` beyond.
pub const OPERATIONS_PER_PRINCIPAL_MAX: usize = 64;

/// Principals whose operations are counted apart; the counts of idle ones are dropped first.
pub const PRINCIPALS_MAX: usize = 1024;

/// Connections open at once on one address; further ones wait in the system's queue.
pub const CONNECTIONS_MAX: usize = 512;

/// How long an operation may take, in seconds: 504 and `HM-N008` beyond.
pub const OPERATION_TIMEOUT_S: u64 = 120;

/// How long a client may take to send the head of a request, in seconds.
pub const HEADER_TIMEOUT_S: u64 = 30;

/// How long a client may take to send the body of a request, in seconds: 408 and `HM-N009` beyond.
pub const BODY_TIMEOUT_S: u64 = 30;

/// How long a WebSocket may be silent, pings aside, in seconds.
pub const SOCKET_IDLE_S: u64 = 600;

/// Replies that wait for a slow WebSocket reader; the connection ends with `HM-N041` beyond.
pub const SOCKET_QUEUE_MAX: usize = 64;

/// Messages of one WebSocket that are worked on at once; a further one is answered with `HM-N007`.
pub const SOCKET_MESSAGES_MAX: usize = 16;

/// How long a stop waits for what is under way, in seconds.
pub const DRAIN_S: u64 = 10;

/// Rows of one page when none is asked for.
pub const PAGE_DEFAULT: usize = 50;

/// Rows of one page at most.
pub const PAGE_MAX: usize = 500;

/// The length of a search text, in characters.
pub const QUERY_CHARS_MAX: usize = 200;

/// Characters of a session handle after its prefix: 5 bits each.
pub const SESSION_HANDLE_CHARS: usize = 32;

/// How long a session lives when nothing is asked for, in seconds: a day.
pub const SESSION_TTL_DEFAULT_S: u64 = 24 * 3600;

/// How long a session may live, in seconds: thirty days.
pub const SESSION_TTL_MAX_S: u64 = 30 * 24 * 3600;

/// The data kept with a session, in bytes of canonical JSON: `HM-N023` beyond.
pub const SESSION_DATA_BYTES_MAX: usize = 16 * 1024;

/// The label of a session, in characters.
pub const SESSION_LABEL_CHARS_MAX: usize = 120;

/// Live sessions of one principal: `HM-N024` beyond.
pub const SESSIONS_PER_PRINCIPAL_MAX: i64 = 1000;

/// How long a session stays in the cache, in seconds; also how long a cache is not trusted after a failed invalidation.
pub const SESSION_CACHE_S: u64 = 60;

/// How long a cache that failed is left alone, in seconds.
pub const CACHE_RETRY_S: u64 = 5;

/// How long the cache may take to answer, in milliseconds.
pub const CACHE_TIMEOUT_MS: u64 = 250;

/// How long a reading of the stack or the gates is shown again before it is taken anew, in milliseconds.
pub const READING_AGE_MS: u64 = 2_000;

/// How long a one-time URL is good for, in seconds.
pub const TICKET_S: u64 = 300;

/// One-time URLs that wait to be used; the oldest gives way.
pub const TICKETS_MAX: usize = 32;

/// How long a page stays signed in, in seconds.
pub const COOKIE_S: u64 = 12 * 3600;

/// Pages signed in at once; the oldest gives way.
pub const COOKIES_MAX: usize = 64;

/// Agents of one coordination message.
pub const AGENTS_MAX: usize = 16;

/// How long a WebSocket may take to take one reply, in seconds; the connection ends with `HM-N041` beyond.
pub const SOCKET_SEND_S: u64 = 30;

/// Bytes that wait for a slow reader of an MCP WebSocket.
pub const SOCKET_WRITE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// WebSockets open at once: 503 and `HM-N006` beyond.
pub const SOCKETS_MAX: usize = 256;

/// Bytes of a body that is too large which are still read, so that its sender reads the refusal.
pub const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long they are read, in milliseconds.
pub const DISCARD_MS: u64 = 2_000;
