//! The health checks of the compose file, run as they stand there against real servers.

use std::process::Command;

use hallmark_services::ServiceKind;
use hallmark_services::stack::containers::compose;
use yaml_rust2::{Yaml, YamlLoader};

use crate::support;

/// The health check's words, with `$$` as compose would hand it over.
fn check(service: ServiceKind) -> Vec<String> {
    let file = YamlLoader::load_from_str(&compose("p", &[service])).unwrap().remove(0);
    let test = &file["services"][service.name()]["healthcheck"]["test"];
    test.as_vec().unwrap().iter().filter_map(Yaml::as_str).map(|word| word.replace("$$", "$")).collect()
}

fn healthy(words: &[String], environment: &[(&str, &str)], from: &str, to: &str) -> bool {
    let words: Vec<String> = words.iter().map(|word| word.replace(from, to)).collect();
    let mut command = match words[0].as_str() {
        "CMD" => {
            let mut command = Command::new(&words[1]);
            command.args(&words[2..]);
            command
        }
        "CMD-SHELL" => {
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(&words[1]);
            command
        }
        other => panic!("a health check begins with CMD, not {other}"),
    };
    let output = command.env_clear().env("PATH", "/usr/bin:/bin").envs(environment.iter().copied()).output();
    output.unwrap().status.success()
}

#[test]
fn the_checks_tell_a_real_server_from_a_closed_port_and_a_wrong_password() {
    let endpoints = support::endpoints();
    let closed = support::closed_port().to_string();

    let chroma = check(ServiceKind::Chroma);
    let port = endpoints.chroma.unwrap().port.to_string();
    assert!(healthy(&chroma, &[], "127.0.0.1/8000", &format!("127.0.0.1/{port}")));
    assert!(!healthy(&chroma, &[], "127.0.0.1/8000", &format!("127.0.0.1/{closed}")));
    let gone =
        chroma.iter().map(|word| word.replace("/api/v2/heartbeat", "/api/v1/heartbeat")).collect::<Vec<_>>();
    assert!(!healthy(&gone, &[], "127.0.0.1/8000", &format!("127.0.0.1/{port}")), "v1 answers 410");

    let redis = check(ServiceKind::Redis);
    let config = endpoints.redis.unwrap();
    let aimed = |port: &str| format!("redis-cli -p {port}");
    let port = config.port.to_string();
    let password = [("REDIS_PASSWORD", config.password.expose())];
    assert!(healthy(&redis, &password, "redis-cli", &aimed(&port)));
    assert!(!healthy(&redis, &[("REDIS_PASSWORD", "wrong")], "redis-cli", &aimed(&port)));
    assert!(!healthy(&redis, &password, "redis-cli", &aimed(&closed)));

    let postgres = check(ServiceKind::Postgres);
    let config = endpoints.postgres.unwrap();
    let aimed = |port: &str| format!("127.0.0.1 -p {port}");
    let port = config.port.to_string();
    let names = |password| {
        [
            ("POSTGRES_USER", config.user.as_str()),
            ("POSTGRES_DB", config.database.as_str()),
            ("POSTGRES_PASSWORD", password),
        ]
    };
    assert!(healthy(&postgres, &names(config.password.expose()), "127.0.0.1", &aimed(&port)));
    assert!(!healthy(&postgres, &names("wrong"), "127.0.0.1", &aimed(&port)));
    assert!(!healthy(&postgres, &names(config.password.expose()), "127.0.0.1", &aimed(&closed)));
}

#[test]
fn the_start_of_redis_keeps_any_password_out_of_its_arguments() {
    let file = YamlLoader::load_from_str(&compose("p", &[ServiceKind::Redis])).unwrap().remove(0);
    let words: Vec<String> = file["services"]["redis"]["command"]
        .as_vec()
        .unwrap()
        .iter()
        .map(|w| w.as_str().unwrap().replace("$$", "$"))
        .collect();
    let folder = std::env::temp_dir().join(format!("hallmark-compose-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir_all(&folder).unwrap();
    let port = support::closed_port().to_string();
    let script =
        words[2].replace("dir /data", &format!("dir {}\\nport {port}\\nbind 127.0.0.1", folder.display()));
    let password = r#"a "b\c$d"#;
    let mut child =
        Command::new(&words[0]).arg(&words[1]).arg(script).env("REDIS_PASSWORD", password).spawn().unwrap();
    let start = std::time::Instant::now();
    let check = check(ServiceKind::Redis);
    let aimed = format!("redis-cli -p {port}");
    while !healthy(&check, &[("REDIS_PASSWORD", password)], "redis-cli", &aimed) {
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "it does not come up");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(!healthy(&check, &[("REDIS_PASSWORD", "other")], "redis-cli", &aimed));
    let shutdown = Command::new("redis-cli")
        .args(["-p", &port, "shutdown", "nosave"])
        .env("REDISCLI_AUTH", password)
        .status();
    assert!(shutdown.unwrap().success());
    child.wait().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
