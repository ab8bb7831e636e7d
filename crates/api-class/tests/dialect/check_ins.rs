//! Roll calls: 9.9 of the list, on both of their paths.

use serde_json::{Value, json};

use crate::server::Server;

const TREES: [&str; 2] = ["/api/class", "/api/v1/class"];

struct Roll {
    s: Server,
    class: String,
    tree: &'static str,
}

impl Roll {
    async fn new(tree: &'static str) -> Self {
        let s = Server::new().await;
        let class = s.class().await;
        for name in ["stu01", "stu02"] {
            s.join(&class, name, None).await.is("ok");
        }
        Self { s, class, tree }
    }

    async fn post(&self, name: &str, route: &str, body: Value) -> crate::server::Reply {
        self.s.post(name, &format!("{}/{route}", self.tree), body).await
    }

    async fn set(&self, name: &str, duration: Value) -> crate::server::Reply {
        self.post(name, "setCheckIn", json!({"class_id": self.class, "user_id": name, "duration": duration})).await
    }

    async fn check_in(&self, id: &str, name: &str) -> crate::server::Reply {
        self.post(name, "checkIn", json!({"check_in_id": id, "user_id": name})).await
    }
}

#[tokio::test]
async fn q01_q02_q04_q06_q12_a_roll_call_runs_for_its_time() {
    for tree in TREES {
        let roll = Roll::new(tree).await;
        let running = async || roll.post("stu01", "getRunningCheckIn", json!({"class_id": roll.class})).await;
        let none = running().await;
        assert_eq!(none.body, json!({"success": false, "errorCode": "404", "errorMsg": "NotFound"}));
        for bad in [json!(0), json!(-1), json!(86_401), json!(null)] {
            roll.set("teacher1", bad).await.bad(&["duration"]);
        }
        let r = roll.set("teacher1", json!("60")).await;
        let d = &r.body["data"];
        assert_eq!(d["id"].as_str().unwrap().len(), 32);
        assert_eq!(
            (&d["start_time"], &d["now_time"], &d["duration"]),
            (&json!("2023-11-24T11:47:54"), &json!("2023-11-24T11:47:54"), &json!(60))
        );
        let again = roll.set("teacher1", json!(60)).await;
        assert_eq!(again.body, json!({"success": false, "errorCode": "409", "errorMsg": "AlreadyCheckIn"}));
        roll.s.pass(12);
        let now = running().await;
        assert_eq!((&now.body["data"]["id"], &now.body["data"]["now_time"]), (&d["id"], &json!("2023-11-24T11:48:06")));
        roll.s.pass(48);
        running().await.is("404");
        roll.set("teacher1", json!(60)).await.is("ok");
    }
}

#[tokio::test]
async fn q03_of_a_hundred_at_once_one_begins() {
    let roll = Roll::new(TREES[0]).await;
    let done = futures_util::future::join_all((0..100).map(|_| roll.set("teacher1", json!(60)))).await;
    assert_eq!(done.iter().filter(|r| r.word() == "ok").count(), 1);
    assert_eq!(done.iter().filter(|r| r.word() == "409").count(), 99);
}

#[tokio::test]
async fn q05_only_some_may_call_the_roll() {
    let roll = Roll::new(TREES[1]).await;
    let r = roll.set("stu01", json!(60)).await;
    assert_eq!(r.body["errorMsg"], "NotPermit");
    roll.s.assistant(&roll.class, "asst1", &["MuteUser"]).await;
    roll.set("asst1", json!(60)).await.is("403");
    roll.s.permit(&roll.class, &["CheckInManagement"]).await;
    roll.set("asst1", json!(60)).await.is("ok");
}

#[tokio::test]
async fn q07_q08_q10_q11_answers_are_recorded_once() {
    for tree in TREES {
        let roll = Roll::new(tree).await;
        let made = roll.set("teacher1", json!(60)).await;
        let id = made.body["data"]["id"].as_str().unwrap().to_owned();
        let records = async || roll.post("teacher1", "getCheckInRecords", json!({"check_in_id": id})).await;
        assert_eq!(records().await.body["data"], json!([]));
        let done = futures_util::future::join_all((0..50).map(|_| roll.check_in(&id, "stu01"))).await;
        assert_eq!(done.iter().filter(|r| r.body == json!({"success": true})).count(), 1);
        assert_eq!(done.iter().filter(|r| r.word() == "AlreadyCheckIn").count(), 49);
        roll.check_in("zz", "stu01").await.is("NotFound");
        roll.check_in(&"0".repeat(32), "stu01").await.is("NotFound");
        roll.check_in(&id, "other1").await.is("NotInClass");
        roll.s.pass(62);
        roll.check_in(&id, "stu02").await.is("CheckInEnded");
        roll.check_in(&id, "stu01").await.is("AlreadyCheckIn");
        let one = json!({"user_id": "stu01", "time": "2023-11-24T11:47:54", "check_in_id": id, "class_id": roll.class});
        assert_eq!(records().await.body["data"], json!([one]));
        roll.post("teacher1", "getCheckInRecords", json!({"check_in_id": "zz"})).await.is("404");
        let record = async |by: &str, of: &str| {
            roll.post(by, "getCheckInRecordByUserId", json!({"check_in_id": id, "user_id": of})).await
        };
        assert_eq!(record("stu01", "stu01").await.body["data"], one);
        record("stu02", "stu01").await.is("403");
        assert_eq!(record("teacher1", "stu01").await.body["data"], one);
        let none = record("stu02", "stu02").await;
        assert_eq!(none.body, json!({"success": false, "errorCode": "404", "errorMsg": "NotFound"}));
    }
}

#[tokio::test]
async fn q09_all_roll_calls_in_order() {
    let roll = Roll::new(TREES[0]).await;
    let all =
        async || roll.post("teacher1", "getAllCheckIns", json!({"class_id": roll.class})).await.body["data"].clone();
    assert_eq!(all().await, json!([]));
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(roll.set("teacher1", json!(1)).await.body["data"]["id"].clone());
        roll.s.pass(1);
    }
    let got: Vec<_> = all().await.as_array().unwrap().iter().map(|c| c["id"].clone()).collect();
    assert_eq!(got, ids);
}
