//! Answers of a station that come when nobody waits for them any more.

use serde_json::json;

use crate::bench::Bench;

//= AU-18
#[test]
fn the_late_answer_to_a_cancelled_dialog_is_thrown_away_and_the_next_dialog_goes_on() {
    for late in [json!({"atr": "3B00"}), json!({}), json!(null)] {
        let mut bench = Bench::started(2);
        bench.arrive();
        bench.slot = Some(0);
        let cancelled = bench.ask("auth.start").expect("there is a manager");
        bench.ask("auth.cancel");
        let answer = bench.answer_to(cancelled).expect("it was cancelled");
        assert_eq!(answer["error"]["data"]["name"], "pin_cancelled");

        let next = bench.ask("auth.start").expect("there is a manager");
        let stale = bench
            .open_requests
            .pop_front()
            .expect("the station has not answered it");
        bench.answer(&stale, "result", &late);
        assert_eq!(
            bench.answer_to(next),
            None,
            "the second dialog waits for its own answer"
        );
        while let Some(request) = bench.open_requests.pop_front() {
            bench.answer_honestly(&request);
        }
        let answer = bench.answer_to(next).expect("the station was honest");
        assert_eq!(answer["result"]["outcome"], "intermediary");
    }
}
