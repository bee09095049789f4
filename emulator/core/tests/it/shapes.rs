//! What anyone may read, as it stands on the wire.

use serde_json::Value;

use crate::bench::Bench;

fn result_of(bench: &mut Bench, method: &str) -> String {
    let asked = bench.ask(method).expect("there is a manager");
    let answer = bench.answer_to(asked).cloned().unwrap_or(Value::Null);
    serde_json::to_string_pretty(&answer["result"]).expect("JSON is JSON")
}

//= HD-01
#[test]
fn the_header_of_a_device_that_waits_for_its_custodians() {
    let mut bench = Bench::started(2);
    bench.arrive();
    insta::assert_snapshot!(result_of(&mut bench, "device.header"), @r#"
    {
      "firmware": "5.0.22.0",
      "ip": "192.0.2.10",
      "mode": "NRM",
      "model": "XP",
      "serial": "TXP0000001",
      "service": "stopped"
    }
    "#);
}

//= IN-01
#[test]
fn the_information_of_a_device_after_one_minute_and_two_custodians() {
    let mut bench = Bench::started(2);
    bench.arrive();
    bench.present(0);
    bench.present(1);
    bench.wait(std::time::Duration::from_secs(60));
    insta::assert_snapshot!(result_of(&mut bench, "device.info"), @r#"
    {
      "activated": true,
      "database_bytes": 122,
      "date_time": "2026/01/01 00:01:20",
      "firmware": "5.0.22.0",
      "free_bytes": 536870790,
      "hardware": "Dinamo XP (emulated)",
      "last_self_test": {
        "date_time": "2026/01/01 00:00:20",
        "passed": true
      },
      "mode": "NRM",
      "model": "XP",
      "objects": 0,
      "replication_domain": null,
      "serial": "TXP0000001",
      "service": "running",
      "tampered": false,
      "uptime_secs": 60,
      "users": 1
    }
    "#);
}
