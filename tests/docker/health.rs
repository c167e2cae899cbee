//! `check` on a data-root of a real dockerd on which nothing is wrong: whatever dockerd is doing, it finds no error and nothing to warn of.

use serde_json::Value;

use crate::engine::Engine;
use crate::fixture;
use crate::layerwise::{Layerwise, text};

/// The findings that would alarm somebody.
fn alarms(engine: &Engine) -> Vec<Value> {
    let findings = Layerwise::on(&engine.data_root()).findings();
    findings.into_iter().filter(|finding| matches!(text(finding, "severity"), "error" | "warning")).collect()
}

#[test]
fn a_healthy_data_root_alarms_nobody() {
    let Some(mut engine) = Engine::start("a_healthy_data_root_alarms_nobody") else { return };
    assert_eq!(alarms(&engine), Vec::<Value>::new(), "just started for the first time");
    fixture::fill(&mut engine);
    assert_eq!(alarms(&engine), Vec::<Value>::new(), "with dockerd running");
    engine.kill_daemon();
    assert_eq!(alarms(&engine), Vec::<Value>::new(), "with dockerd killed and its containers running");
    engine.start_daemon();
    assert_eq!(alarms(&engine), Vec::<Value>::new(), "with dockerd started again");
    engine.cut_power();
    assert_eq!(alarms(&engine), Vec::<Value>::new(), "after a power cut");
    engine.boot();
    assert_eq!(alarms(&engine), Vec::<Value>::new(), "with dockerd running after a power cut");
    engine.stop();
    assert_eq!(alarms(&engine), Vec::<Value>::new(), "with dockerd stopped");
}
