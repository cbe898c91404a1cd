use hallmark_evidence::{Keys, Signature, codes};
use serde_json::json;

use crate::Scratch;

#[test]
fn a_key_is_made_once_and_kept_private() {
    let scratch = Scratch::new();
    let first = Keys::open(scratch.path()).unwrap();
    let again = Keys::open(scratch.path()).unwrap();
    assert_eq!(first.public_key(), again.public_key());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |p: &str| std::fs::metadata(scratch.path().join(p)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("keys/signing.key"), 0o600);
        assert_eq!(mode("keys"), 0o700);
    }
    assert!(
        !format!("{first:?}")
            .contains(std::fs::read_to_string(scratch.path().join("keys/signing.key")).unwrap().trim())
    );
}

#[test]
fn processes_that_come_at_once_get_one_key() {
    let scratch = Scratch::new();
    let keys: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| Keys::open(scratch.path()).unwrap().public_key())).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|k| *k == keys[0]));
}

#[cfg(unix)]
#[test]
fn an_exposed_or_damaged_key_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    Keys::open(scratch.path()).unwrap();
    let path = scratch.path().join("keys/signing.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Keys::open(scratch.path()).unwrap_err().is(&codes::KEY_EXPOSED));
    hallmark_core::fs::write_atomic(&path, b"zz", hallmark_core::fs::Mode::Private).unwrap();
    assert!(Keys::open(scratch.path()).unwrap_err().is(&codes::KEY_UNREADABLE));
}

#[test]
fn a_signature_covers_the_content_and_not_its_spelling() {
    let scratch = Scratch::new();
    let keys = Keys::open(scratch.path()).unwrap();
    let signature = keys.sign(&json!({"b": 1, "a": [true, "x"]}));
    signature.verify(&serde_json::from_str("{ \"a\": [true, \"x\"],\n \"b\": 1 }").unwrap()).unwrap();
    assert!(signature.verify(&json!({"b": 2, "a": [true, "x"]})).unwrap_err().is(&codes::SIGNATURE_INVALID));
}

#[test]
fn every_changed_part_of_a_signature_is_refused() {
    let scratch = Scratch::new();
    let other = Scratch::new();
    let value = json!({"score": 0.93});
    let signature = Keys::open(scratch.path()).unwrap().sign(&value);
    let stranger = Keys::open(other.path()).unwrap().sign(&value);
    for changed in [
        Signature { public_key: stranger.public_key.clone(), ..signature.clone() },
        Signature {
            public_key: stranger.public_key.clone(),
            key_id: stranger.key_id.clone(),
            ..signature.clone()
        },
        Signature { value: stranger.value, ..signature.clone() },
        Signature { value: String::new(), ..signature.clone() },
        Signature { algorithm: "none".into(), ..signature.clone() },
        Signature { key_id: "0000000000000000".into(), ..signature.clone() },
    ] {
        assert!(changed.verify(&value).unwrap_err().is(&codes::SIGNATURE_INVALID), "{changed:?}");
    }
    signature.verify(&value).unwrap();
}
