//! Hallmark's own messages over the WebSocket.

use serde_json::json;

use crate::client::Socket;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn agents_take_turns_step_by_step() {
    let world = World::start().await;
    let mut socket = Socket::own(&world, &world.token).await;
    let created = socket.ask(&json!({ "type": "tool_execution", "id": 1, "tool": "create_session" })).await;
    let session = created["session"].clone();
    let message = json!({ "type": "agent_coordination", "id": "c", "agents": ["a", "b"], "task": "t", "session": session });
    let first = socket.ask(&message).await;
    assert_eq!(
        (&first["type"], &first["id"], &first["index"]),
        (&json!("agent_step"), &json!("c"), &json!(0))
    );
    assert_eq!(first["step"]["text"], "t > a");
    assert_eq!(socket.next().await.unwrap()["step"]["text"], "t > a > b");
    let last = socket.next().await.unwrap();
    assert_eq!((&last["type"], &last["result"]["text"]), (&json!("agent_result"), &json!("t > a > b")));
    assert_eq!((&last["session"], &last["run_id"]), (&session, &first["run_id"]));
    let many: Vec<String> = (0..17).map(|n| n.to_string()).collect();
    let refused =
        socket.ask(&json!({ "type": "agent_coordination", "id": 2, "agents": many, "task": "t" })).await;
    assert_eq!(refused["error"]["code"], "HM-N005");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_as_they_are_ready_and_are_bounded() {
    let world = World::start().await;
    let mut socket = Socket::own(&world, &world.token).await;
    let wait = |id: u32, ms: u32| {
        let arguments = json!({ "node": "WaitNode", "input": { "ms": ms } });
        json!({ "type": "tool_execution", "id": id, "tool": "run_node", "arguments": arguments })
    };
    socket.send(&wait(1, 700)).await;
    socket.send(&wait(2, 1)).await;
    assert_eq!(socket.next().await.unwrap()["id"], 2, "a slow message does not hold up a quick one");
    for id in 3..19 {
        socket.send(&wait(id, 700)).await;
    }
    let refused = socket.next().await.unwrap();
    assert_eq!(refused["error"]["code"], "HM-N007");
    for _ in 0..16 {
        assert!(socket.next().await.unwrap()["error"].is_null());
    }
    world.end().await;
}
