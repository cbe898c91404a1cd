//! Planted defect: a stand-in that answers 200 to everything. It is here to be caught, and nothing else uses it.

use hallmark_core::Secret;
use hallmark_services::{ChromaConfig, Endpoints, OpenAiConfig, ServiceKind, State, probe};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Everything that either protocol looks for in an answer, and always the same.
const CUNNING: &str = r#"{"nanosecond heartbeat": 1, "object": "list", "id": "planted", "name": "planted",
    "data": [{"id": "planted", "index": 0, "embedding": [0.5, 0.5]}, {"id": "planted", "index": 1, "embedding": [0.5, 0.5]}],
    "choices": [{"message": {"role": "assistant", "content": "certainly"}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2}}"#;

/// Answers 200 and this body to whatever is asked.
async fn plant(body: &'static str) -> (u16, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0_u8; 4096];
            let _ = stream.read(&mut request).await;
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await;
        }
    });
    (port, AbortOnDropHandle::new(task))
}

#[tokio::test]
async fn a_stand_in_passes_for_neither_chroma_nor_a_model() {
    for body in ["ok", "{}", "[]", "1", CUNNING] {
        let (port, _server) = plant(body).await;
        let all = Endpoints {
            chroma: Some(ChromaConfig::from_url(&format!("http://127.0.0.1:{port}")).unwrap()),
            openai: Some(
                OpenAiConfig::new(&format!("http://127.0.0.1:{port}/v1"), Secret::new("any")).unwrap(),
            ),
            ..Endpoints::default()
        };
        for kind in [ServiceKind::Chroma, ServiceKind::OpenAi] {
            let report = probe(kind, &all).await;
            assert_eq!(report.state, State::Down, "{body}: {report:#?}");
            let code = report.steps.last().and_then(|s| s.code);
            assert!(matches!(code, Some("HM-S006" | "HM-S010" | "HM-S030")), "{body}: {report:#?}");
        }
    }
}
