//! Strings that break what was glued together from strings.

use hallmark_workflow::Caller;
use serde_json::{Value, json};

use crate::Scratch;

#[tokio::test]
async fn hostile_strings_come_back_as_they_went_in() {
    let scratch = Scratch::open().await;
    let runtime = scratch.runtime();
    let words = [
        "'; DROP SCHEMA public CASCADE; --",
        "\u{0}NUL\u{0}",
        "\\u0000 \\ \" \r\n\t \u{1b}[31m",
        "{{ secret }} ${x} $1 %s %n",
        "\u{202e}right to left \u{1f600} e\u{301} \u{fb33} \u{ffff}",
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "{\"json\": [1,2,3]}",
        "",
    ];
    for word in words {
        let caller = Caller::new("a'b").session("s\"'; --").tenant("t\\");
        let run = runtime.call("WordNode", json!({"word": word}), &caller).await.unwrap();
        assert_eq!(run.result["word"], word);
        let kept = scratch.store.get(&run.run_id).await.unwrap();
        assert_eq!(kept.result["word"], word);
        assert_eq!(kept, run);
    }
    assert_eq!(scratch.store.list(100, Some("s\"'; --")).await.unwrap().len(), words.len());
    assert!(scratch.store.list(100, Some("' OR 1=1 --")).await.unwrap().is_empty());
    assert_eq!(crate::code(&scratch.store.get("' OR 1=1 --").await.unwrap_err()), "HM-W040");
    scratch.remove().await;
}

#[tokio::test]
async fn a_name_with_a_nul_is_refused_with_a_code() {
    let scratch = Scratch::open().await;
    let error =
        scratch.runtime().call("WordNode", json!({"word": "a"}), &Caller::new("a\u{0}b")).await.unwrap_err();
    assert!(error.code().id.starts_with("HM-"), "{error:?}");
    scratch.remove().await;
}

#[tokio::test]
async fn deep_and_large_inputs_are_refused() {
    let runtime = crate::unkept();
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let error = runtime.call("EchoNode", json!({"value": deep}), &Caller::new("ada")).await.unwrap_err();
    assert_eq!(crate::code(&error), "HM-W016");
    let large = Value::from("x".repeat(33 << 20));
    let error = runtime.call("EchoNode", json!({"value": large}), &Caller::new("ada")).await.unwrap_err();
    assert_eq!(crate::code(&error), "HM-W016");
    assert!(error.message().len() < 200);
}
