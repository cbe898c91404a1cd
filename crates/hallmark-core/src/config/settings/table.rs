//! The settings themselves, by section; those of one section stand together.

use super::{Kind, Setting};

/// Every setting.
pub static ALL: &[Setting] = &[
    Setting {
        key: "extend",
        kind: Kind::Text,
        default: "",
        example: "\"../hallmark.toml\"",
        doc: "Another configuration file, relative to this one, whose settings count where this one says nothing. Tables are joined, \
              lists are replaced.",
    },
    Setting {
        key: "root",
        kind: Kind::Bool,
        default: "true",
        example: "false",
        doc: "Whether the folder is a project of its own. With false it belongs to the project further up, and its [standards] \
              section counts for the files below it. A file that extends one of a folder above is taken to say false.",
    },
    Setting {
        key: "standards.edition",
        kind: Kind::Choice(&["2025", "2026"]),
        default: "\"2026\"",
        example: "\"2025\"",
        doc: "The edition of the gold standards; it also says which version of the SDK is meant.",
    },
    Setting {
        key: "standards.profile",
        kind: Kind::Choice(&["tiered", "strict"]),
        default: "\"tiered\"",
        example: "\"strict\"",
        doc: "How test doubles are judged: tiered allows them in unit tests, strict nowhere.",
    },
    Setting {
        key: "standards.preview",
        kind: Kind::Bool,
        default: "false",
        example: "true",
        doc: "Whether rules run that have still to prove themselves. A preview rule that select names itself runs anyway.",
    },
    Setting {
        key: "standards.governed",
        kind: Kind::Bool,
        default: "false",
        example: "true",
        doc: "Whether every node must derive from a governed base class.",
    },
    Setting {
        key: "standards.select",
        kind: Kind::Texts,
        default: "[]",
        example: "[\"mocking\", \"star-import\"]",
        doc: "The rules and families to apply, or ALL; an empty list means all.",
    },
    Setting {
        key: "standards.ignore",
        kind: Kind::Texts,
        default: "[]",
        example: "[\"relative-import\"]",
        doc: "Rules and families to leave out. A rule that select names more closely stays.",
    },
    Setting {
        key: "standards.exclude",
        kind: Kind::Texts,
        default: "[]",
        example: "[\"generated/**\"]",
        doc: "Globs of files that are not scanned, relative to the folder of the configuration. What .gitignore names is left out \
              already.",
    },
    Setting {
        key: "standards.baseline",
        kind: Kind::Text,
        default: "",
        example: "\"hallmark-baseline.json\"",
        doc: "The baseline file that hallmark check applies without being asked, relative to the project.",
    },
    Setting {
        key: "standards.tiers.GLOB",
        kind: Kind::Choice(&["unit", "integration", "end-to-end", "other", "production"]),
        default: "",
        example: "\"integration\"",
        doc: "The tier of the files that a glob fits, before Hallmark's own reading of their paths and markers.",
    },
    Setting {
        key: "standards.platform-shims",
        kind: Kind::Texts,
        default: "[\"windows_patch\", \"windows_sdk_compatibility\"]",
        example: "[\"windows_patch\"]",
        doc: "Modules that patch the SDK for one operating system; importing one is a violation.",
    },
    Setting {
        key: "standards.per-file-ignores.GLOB",
        kind: Kind::Texts,
        default: "",
        example: "[\"imports\"]",
        doc: "The rules and families that are left out in the files that a glob fits.",
    },
    Setting {
        key: "standards.rules.RULE.severity",
        kind: Kind::Choice(&["error", "warning", "info", "off"]),
        default: "the rule's own",
        example: "\"warning\"",
        doc: "How much a finding of this rule weighs; off turns the rule off. A check that weighs a place less, as a double in a \
              unit test, still does.",
    },
    Setting {
        key: "standards.rules.RULE.weight",
        kind: Kind::Number(0.0, 1.0),
        default: "1.0",
        example: "0.5",
        doc: "What a file with an error of this rule loses in the score of the rule's family. Of several the largest counts.",
    },
    Setting {
        key: "stack.provider",
        kind: PROVIDER,
        default: "\"auto\"",
        example: "\"native\"",
        doc: "Who provides every service that stack.providers does not name: auto takes a given address, else a private process.",
    },
    provider("stack.providers.postgres"),
    provider("stack.providers.neo4j"),
    provider("stack.providers.chromadb"),
    provider("stack.providers.redis"),
    provider("stack.providers.openai"),
    port("stack.ports.postgres"),
    port("stack.ports.neo4j-bolt"),
    port("stack.ports.neo4j-http"),
    port("stack.ports.chromadb"),
    port("stack.ports.redis"),
    port("stack.ports.openai-chat"),
    port("stack.ports.openai-embeddings"),
    port("stack.ports.postgres-replica-1"),
    port("stack.ports.postgres-replica-2"),
    Setting {
        key: "stack.postgres.replicas",
        kind: Kind::Integer(0, 2),
        default: "0",
        example: "1",
        doc: "Read replicas that stream from the stack's own PostgreSQL.",
    },
    Setting {
        key: "stack.metrics-port",
        kind: Kind::Integer(0, 65_535),
        default: "a free one, kept",
        example: "9464",
        doc: "The port of loopback on which the supervisor serves /metrics and /health; 0 serves neither.",
    },
    Setting {
        key: "stack.redis.appendfsync",
        kind: Kind::Choice(&["always", "everysec", "no"]),
        default: "\"everysec\"",
        example: "\"always\"",
        doc: "When the stack's own Redis brings its log to the disk: before each answer, once a second, or when the system sees \
              fit. It counts from the next start of Redis on.",
    },
    Setting {
        key: "stack.environment.SERVICE.NAME",
        kind: Kind::Text,
        default: "",
        example: "\"2\"",
        doc: "A variable that a service's own processes get besides those that Hallmark gives them, from their next start on.",
    },
    text("stack.alerts.webhook.url", "", "The address that gets each alert as a POST of JSON."),
    text(
        "stack.alerts.webhook.env",
        "",
        "The environment variable that holds the webhook's address, as `hallmark up` sees it.",
    ),
    text(
        "stack.alerts.webhook.file",
        "",
        "The file that holds the webhook's address, relative to the project.",
    ),
    texts(
        "stack.alerts.command",
        "[\"notify\", \"--quiet\"]",
        "A program and its arguments that is run for each alert and reads it as JSON from its standard input.",
    ),
    text(
        "stack.alerts.log",
        "",
        "The file, relative to the project, to which each alert is appended as a line of JSON.",
    ),
    Setting {
        key: "stack.alerts.min-state",
        kind: Kind::Choice(&["degraded", "down"]),
        default: "\"degraded\"",
        example: "\"down\"",
        doc: "The least that is worth an alert; the recovery from it is told too.",
    },
    Setting {
        key: "stack.alerts.pause-s",
        kind: Kind::Integer(1, 86_400),
        default: "60",
        example: "300",
        doc: "Beyond a burst of four, one alert in so many seconds is sent for each service; what was left out is counted in the next.",
    },
    Setting {
        key: "stack.assume-yes",
        kind: Kind::Bool,
        default: "false",
        example: "true",
        doc: "Whether installing what is missing is agreed to without a question.",
    },
    Setting {
        key: "stack.backup.to",
        kind: Kind::Text,
        default: ".hallmark/backups",
        example: "\"/srv/backups/catalog\"",
        doc: "The folder of the backups, relative to the project.",
    },
    Setting {
        key: "stack.backup.services",
        kind: Kind::Texts,
        default: "all that are provided",
        example: "[\"postgres\", \"redis\"]",
        doc: "The services that a backup holds.",
    },
    Setting {
        key: "stack.backup.every",
        kind: Kind::Text,
        default: "no schedule",
        example: "\"6h\"",
        doc: "Takes a backup whenever this much time has passed: minutes (m), hours (h) or days (d). The supervisor does it.",
    },
    Setting {
        key: "stack.backup.at",
        kind: Kind::Text,
        default: "no schedule",
        example: "\"03:30\"",
        doc: "Takes a backup each day at this time of the machine's clock. Not beside stack.backup.every.",
    },
    Setting {
        key: "stack.backup.keep-last",
        kind: Kind::Integer(0, u32::MAX as u64),
        default: "7 with a schedule, else all",
        example: "7",
        doc: "How many of the newest verified backups stay.",
    },
    Setting {
        key: "stack.backup.keep-daily",
        kind: Kind::Integer(0, u32::MAX as u64),
        default: "7 with a schedule, else all",
        example: "14",
        doc: "Of how many days the newest verified backup stays.",
    },
    Setting {
        key: "stack.backup.keep-weekly",
        kind: Kind::Integer(0, u32::MAX as u64),
        default: "4 with a schedule, else all",
        example: "8",
        doc: "Of how many weeks the newest verified backup stays.",
    },
    secret_env("stack.backup.passphrase.env"),
    secret_file("stack.backup.passphrase.file"),
    Setting {
        key: "stack.seed.files",
        kind: Kind::Texts,
        default: "[]",
        example: "[\"data/schema.sql\", \"data/products.csv\"]",
        doc: "The files that hallmark seed loads, in this order: .sql, .csv, .cypher, .jsonl, .redis.",
    },
    address("services.postgres.url", "\"postgres://app@db.example:5432/app\""),
    secret_env("services.postgres.password.env"),
    secret_file("services.postgres.password.file"),
    Setting {
        key: "services.postgres.pool-size",
        kind: Kind::Integer(1, u64::MAX),
        default: "10",
        example: "16",
        doc: "Connections of the pool.",
    },
    Setting {
        key: "services.postgres.pool-wait-ms",
        kind: Kind::Integer(1, u64::MAX),
        default: "5000",
        example: "500",
        doc: "How long a caller waits for a free connection of the pool before HM-S007, in milliseconds.",
    },
    Setting {
        key: "services.postgres.statement-timeout-ms",
        kind: Kind::Integer(1, u64::MAX),
        default: "30000",
        example: "5000",
        doc: "How long one statement may take, in milliseconds.",
    },
    texts(
        "services.postgres.replicas",
        "[\"replica.example:5432\"]",
        "Hosts and ports of its streaming replicas: same database, user and password.",
    ),
    address("services.neo4j.url", "\"bolt://graph.example:7687\""),
    text("services.neo4j.user", "\"neo4j\"", "The user."),
    secret_env("services.neo4j.password.env"),
    secret_file("services.neo4j.password.file"),
    text("services.neo4j.database", "", "The database; the server's default without it."),
    Setting {
        key: "services.neo4j.pool-size",
        kind: Kind::Integer(1, u64::MAX),
        default: "8",
        example: "16",
        doc: "Connections of the pool.",
    },
    Setting {
        key: "services.neo4j.pool-wait-ms",
        kind: Kind::Integer(1, u64::MAX),
        default: "5000",
        example: "500",
        doc: "How long a caller waits for a free connection of the pool before HM-S007, in milliseconds.",
    },
    address("services.chromadb.url", "\"http://vectors.example:8000\""),
    text("services.chromadb.tenant", "\"default_tenant\"", "The tenant."),
    text("services.chromadb.database", "\"default_database\"", "The database."),
    address("services.redis.url", "\"redis://cache.example:6379/0\""),
    secret_env("services.redis.password.env"),
    secret_file("services.redis.password.file"),
    address("services.openai.base-url", "\"https://api.example/v1\""),
    text("services.openai.embeddings-base-url", "", "Where embeddings are answered, if elsewhere."),
    secret_env("services.openai.api-key.env"),
    secret_file("services.openai.api-key.file"),
    text("services.openai.model", "", "The model that chats; the server's own choice without it."),
    text("services.openai.embedding-model", "", "The model that embeds; the server's own choice without it."),
    switch("fallbacks.enabled", "Whether anything stands in for a service that does not answer."),
    Setting {
        key: "fallbacks.replica-lag-ms",
        kind: Kind::Integer(0, u32::MAX as u64),
        default: "1000",
        example: "250",
        doc: "How far behind the primary a replica of PostgreSQL may be that answers reads while the primary works; 0 keeps every read \
              on the primary.",
    },
    switch("fallbacks.postgres.enabled", "Whether something stands in for this service."),
    number("fallbacks.postgres.timeout-ms", (1, "1000"), "How long one request may take, in milliseconds."),
    number("fallbacks.postgres.concurrency", (1, "64"), "Requests that may be under way at the same time."),
    number("fallbacks.postgres.failures", (1, "3"), "Failures in a row that open the circuit."),
    number(
        "fallbacks.postgres.cool-down-ms",
        (1, "1000"),
        "How long the circuit stays open at first; it doubles with each trial that fails.",
    ),
    number("fallbacks.postgres.retries", (0, "2"), "Repeats of a read that failed quickly, at most 5."),
    switch("fallbacks.neo4j.enabled", "Whether something stands in for this service."),
    number("fallbacks.neo4j.timeout-ms", (1, "2000"), "How long one request may take, in milliseconds."),
    number("fallbacks.neo4j.concurrency", (1, "32"), "Requests that may be under way at the same time."),
    number("fallbacks.neo4j.failures", (1, "3"), "Failures in a row that open the circuit."),
    number(
        "fallbacks.neo4j.cool-down-ms",
        (1, "1000"),
        "How long the circuit stays open at first; it doubles with each trial that fails.",
    ),
    number("fallbacks.neo4j.retries", (0, "2"), "Repeats of a read that failed quickly, at most 5."),
    number("fallbacks.neo4j.ttl-s", (0, "3600"), "How old an answer may be that stands in, in seconds."),
    number("fallbacks.neo4j.memory-mb", (0, "16"), "Memory for answers that may stand in, in MiB."),
    switch("fallbacks.chromadb.enabled", "Whether something stands in for this service."),
    number("fallbacks.chromadb.timeout-ms", (1, "2000"), "How long one request may take, in milliseconds."),
    number("fallbacks.chromadb.concurrency", (1, "32"), "Requests that may be under way at the same time."),
    number("fallbacks.chromadb.failures", (1, "3"), "Failures in a row that open the circuit."),
    number(
        "fallbacks.chromadb.cool-down-ms",
        (1, "1000"),
        "How long the circuit stays open at first; it doubles with each trial that fails.",
    ),
    number("fallbacks.chromadb.retries", (0, "2"), "Repeats of a read that failed quickly, at most 5."),
    number("fallbacks.chromadb.ttl-s", (0, "3600"), "How old an answer may be that stands in, in seconds."),
    number("fallbacks.chromadb.memory-mb", (0, "32"), "Memory for answers that may stand in, in MiB."),
    switch("fallbacks.redis.enabled", "Whether something stands in for this service."),
    number("fallbacks.redis.timeout-ms", (1, "500"), "How long one request may take, in milliseconds."),
    number("fallbacks.redis.concurrency", (1, "256"), "Requests that may be under way at the same time."),
    number("fallbacks.redis.failures", (1, "3"), "Failures in a row that open the circuit."),
    number(
        "fallbacks.redis.cool-down-ms",
        (1, "1000"),
        "How long the circuit stays open at first; it doubles with each trial that fails.",
    ),
    number("fallbacks.redis.retries", (0, "2"), "Repeats of a read that failed quickly, at most 5."),
    number("fallbacks.redis.ttl-s", (0, "300"), "How old an answer may be that stands in, in seconds."),
    number("fallbacks.redis.memory-mb", (0, "16"), "Memory for answers that may stand in, in MiB."),
    switch("fallbacks.openai.enabled", "Whether something stands in for this service."),
    number("fallbacks.openai.timeout-ms", (1, "5000"), "How long one request may take, in milliseconds."),
    number("fallbacks.openai.concurrency", (1, "16"), "Requests that may be under way at the same time."),
    number("fallbacks.openai.failures", (1, "3"), "Failures in a row that open the circuit."),
    number(
        "fallbacks.openai.cool-down-ms",
        (1, "1000"),
        "How long the circuit stays open at first; it doubles with each trial that fails.",
    ),
    number("fallbacks.openai.retries", (0, "2"), "Repeats of a read that failed quickly, at most 5."),
    number("fallbacks.openai.ttl-s", (0, "86400"), "How old an answer may be that stands in, in seconds."),
    number("fallbacks.openai.memory-mb", (0, "16"), "Memory for answers that may stand in, in MiB."),
    Setting {
        key: "dataflow.models",
        kind: Kind::Texts,
        default: "[]",
        example: "[\"catalog/models.py\"]",
        doc: "Files that declare models, relative to the project; an empty list means every Python file outside tests that does, and every `models.toml` and `models.sql`.",
    },
    text(
        "dataflow.schema",
        "dataflow",
        "The schema of the database that the tables of the models are in. A table of it that no model has is left alone.",
    ),
    number(
        "dataflow.slow-statement-ms",
        (0, "500"),
        "From how many milliseconds on a statement of a node is written down for hallmark data slow; 0 writes none.",
    ),
    text(
        "certify.tests.python",
        "",
        "The interpreter of the tests; without it the project's .venv, the environment made of certify.tests.requirements, or python3.",
    ),
    texts(
        "certify.tests.requirements",
        "[\"pytest>=8\"]",
        "Requirements for an environment that is made under .hallmark/.",
    ),
    texts(
        "certify.tests.paths",
        "[\"tests/integration\"]",
        "The folders or files handed to pytest; an empty list means what its own configuration says.",
    ),
    texts("certify.tests.arguments", "[\"-x\"]", "More arguments for pytest."),
    Setting {
        key: "certify.tests.environment.NAME",
        kind: Kind::Text,
        default: "",
        example: "\"{postgres.host}\"",
        doc: "A variable that the tests read under a name of their own. What stands in braces is an address of the stack, such as \
              {postgres.url}, {redis.port} or {openai.api-key}.",
    },
    Setting {
        key: "certify.tests.timeout-s",
        kind: Kind::Integer(1, u64::MAX),
        default: "600",
        example: "900",
        doc: "The longest a test run may take, in seconds. It limits `hallmark test` only where it is set.",
    },
    claim("certify.claims.baseline"),
    claim("certify.claims.gold_standards"),
    claim("certify.claims.infrastructure"),
    claim("certify.claims.framework"),
    text("certify.exempt[].check", "", "The name of a check that is left out; it never counts as proven."),
    text("certify.exempt[].reason", "", "Why it is left out."),
    text("certify.exempt[].owner", "", "Who answers for it."),
    text("certify.exempt[].expires", "", "The last day on which it holds, as YYYY-MM-DD."),
];

const PROVIDER: Kind = Kind::Choice(&["auto", "native", "external", "docker", "off"]);

const fn text(key: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, kind: Kind::Text, default, example: "\"text\"", doc }
}

const fn texts(key: &'static str, example: &'static str, doc: &'static str) -> Setting {
    Setting { key, kind: Kind::Texts, default: "[]", example, doc }
}

const fn switch(key: &'static str, doc: &'static str) -> Setting {
    Setting { key, kind: Kind::Bool, default: "true", example: "false", doc }
}

/// A number of the fallbacks: the least that it may be, and its default, which is its example, too.
const fn number(key: &'static str, (least, default): (u64, &'static str), doc: &'static str) -> Setting {
    Setting { key, kind: Kind::Integer(least, u32::MAX as u64), default, example: default, doc }
}

const fn provider(key: &'static str) -> Setting {
    let doc = "Who provides this service.";
    Setting { key, kind: PROVIDER, default: "what stack.provider says", example: "\"off\"", doc }
}

const fn port(key: &'static str) -> Setting {
    let doc = "The port, where it is chosen by hand.";
    Setting { key, kind: Kind::Integer(1, 65_535), default: "a free one, kept", example: "55432", doc }
}

const fn address(key: &'static str, example: &'static str) -> Setting {
    let doc = "The address of a server that Hallmark never starts, stops or resets.";
    Setting { key, kind: Kind::Text, default: "", example, doc }
}

const fn secret_env(key: &'static str) -> Setting {
    let doc = "The environment variable that holds the secret.";
    Setting { key, kind: Kind::Text, default: "", example: "\"SERVICE_PASSWORD\"", doc }
}

const fn secret_file(key: &'static str) -> Setting {
    let doc = "The file that holds the secret, relative to the project.";
    Setting { key, kind: Kind::Text, default: "", example: "\"secrets/password\"", doc }
}

const fn claim(key: &'static str) -> Setting {
    let doc = "What the project claims for itself, as a share of the section's weight. It is shown beside what is proven and never \
               added to it.";
    Setting { key, kind: Kind::Number(0.0, 1.0), default: "", example: "1.0", doc }
}
