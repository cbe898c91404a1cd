use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hallmark_certify::config::{Exemption, TestsConfig};
use hallmark_certify::section::State;
use hallmark_certify::{CertifyConfig, Event, Input, Outcome, certify, verify_certificate};
use hallmark_core::Project;
use hallmark_evidence::Verdict;
use hallmark_services::{Endpoints, Handles};

use crate::services::stack;
use crate::{Scratch, write};

const TESTS: &str = "import os\n\ndef test_stack():\n    assert os.environ['HALLMARK_REDIS_URL']\n\ndef test_more():\n    assert True\n";

fn project(scratch: &Scratch) -> Project {
    write(scratch.path(), "hallmark.toml", "[certify.tests]\nrequirements = [\"pytest\"]\n");
    write(scratch.path(), "src/app.py", "VALUE = 1\n");
    write(scratch.path(), "tests/unit/test_app.py", TESTS);
    Project::discover(scratch.path()).unwrap()
}

fn input(project: Project, (endpoints, handles): (Endpoints, Handles)) -> Input {
    let tests = TestsConfig { requirements: vec!["pytest".into()], ..TestsConfig::default() };
    let scan = hallmark_standards::ScanOptions { root: project.root().to_path_buf(), ..Default::default() };
    Input {
        project,
        scan,
        config: CertifyConfig { tests, ..CertifyConfig::default() },
        endpoints,
        handles,
        registry: Arc::new(hallmark_workflow::Registry::new()),
        dataflow: None,
        deployment: None,
        redis_server: None,
        output: None,
        progress: Arc::new(|_| ()),
    }
}

fn section<'a>(outcome: &'a Outcome, id: &str) -> &'a hallmark_certify::certificate::SectionRecord {
    outcome.certificate.sections.iter().find(|s| s.section.id == id).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_on_the_real_stack_is_measured_and_every_planted_defect_is_caught() {
    let scratch = Scratch::new();
    let events: Arc<Mutex<Vec<Event>>> = Arc::default();
    let seen = events.clone();
    let input = Input {
        progress: Arc::new(move |e| seen.lock().unwrap().push(e.clone())),
        ..input(project(&scratch), stack())
    };
    let secrets: Vec<String> = input
        .endpoints
        .to_env()
        .into_iter()
        .filter(|v| v.sensitive)
        .map(|v| v.value.expose().to_owned())
        .collect();
    let outcome = certify(input).await.unwrap();
    for record in &outcome.certificate.sections {
        for control in &record.section.controls {
            assert!(control.caught, "{control:?}");
        }
    }
    for id in ["tests", "platform", "infrastructure", "seal"] {
        assert_eq!(section(&outcome, id).state, State::Proven, "{:#?}", section(&outcome, id));
    }
    let timed = &section(&outcome, "operations").section.evidence;
    assert!(
        timed.iter().all(|e| e.verdict != Verdict::NotMeasured && e.measured["p95_ms"].is_number()),
        "{timed:#?}"
    );
    let verification =
        verify_certificate(&outcome.certificate_path, Some(&Project::discover(scratch.path()).unwrap()))
            .unwrap();
    assert!(verification.checks.iter().all(|c| c.verdict == Verdict::Proven), "{:?}", verification.checks);
    for path in [&outcome.certificate_path, &outcome.report_path] {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(secrets.iter().all(|s| !text.contains(s.as_str())), "a secret is in {}", path.display());
    }
    assert!(matches!(events.lock().unwrap().last(), Some(Event::Writing)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_services_nothing_is_proven_of_them_and_an_exemption_is_never_green() {
    let scratch = Scratch::new();
    let nothing = Endpoints::default();
    let handles = Handles::connect(&nothing).unwrap();
    let mut input = input(project(&scratch), (nothing, handles));
    input.config.tests = TestsConfig { python: Some("./no/such/python".into()), ..TestsConfig::default() };
    let exempt = |check: &str| Exemption {
        check: check.into(),
        reason: "later".into(),
        owner: "ops".into(),
        expires: "2999-01-01".into(),
    };
    input.config.exempt = vec![exempt("openai.usable"), exempt("no.such.check")];
    let outcome = certify(input).await.unwrap();
    for id in ["tests", "operations", "infrastructure", "framework"] {
        assert_eq!(section(&outcome, id).share, 0.0, "{:#?}", section(&outcome, id));
    }
    let infrastructure = section(&outcome, "infrastructure");
    assert_eq!(infrastructure.state, State::NotMeasured);
    assert_eq!(infrastructure.section.count(Verdict::Exempted), 1);
    assert!(section(&outcome, "tests").section.evidence.iter().all(|e| e.reason.contains("no/such/python")));
    assert!(outcome.certificate.notes.iter().any(|n| n.contains("no.such.check")));
    assert!(outcome.granted().unwrap_err().is(&hallmark_certify::codes::REFUSED));
}

/// Mounts a file system of 64 KiB, unmounted with the value.
struct TinyDisk(PathBuf);

impl TinyDisk {
    fn mount(path: PathBuf) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(
            mounted.success(),
            "this test mounts a tiny file system: run it as root, or in a container that may mount"
        );
        Self(path)
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_coded_error_and_the_earlier_certificate_stays() {
    let scratch = Scratch::new();
    let disk = TinyDisk::mount(scratch.path().join("full"));
    write(&disk.0, "certificate.json", "the earlier one");
    write(&disk.0, "ballast", &"x".repeat(50 * 1024));
    let nothing = Endpoints::default();
    let handles = Handles::connect(&nothing).unwrap();
    let root = scratch.path().join("project");
    write(&root, "src/app.py", "VALUE = 1\n");
    let mut input = input(Project::discover(&root).unwrap(), (nothing, handles));
    input.config.tests = TestsConfig { python: Some("./no/such/python".into()), ..TestsConfig::default() };
    input.output = Some(disk.0.clone());
    let error = certify(input).await.unwrap_err();
    assert!(error.is(&hallmark_core::codes::DISK_FULL), "{error:?}");
    let whole = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    let shown = whole(disk.0.join("certificate.json"));
    assert!(shown == "the earlier one" || serde_json::from_str::<serde_json::Value>(&shown).is_ok());
    // The certificate is kept in its own folder all the same.
    let kept =
        std::fs::read_dir(root.join(".hallmark/certificates")).unwrap().next().unwrap().unwrap().path();
    assert!(verify_certificate(&kept.join("certificate.json"), None).unwrap().holds());
}
