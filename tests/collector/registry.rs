//! A registry in the network of an engine.

use std::fs;
use std::process::{Child, Stdio};

use crate::engine::Engine;

/// Where it listens.
pub(crate) const ADDRESS: &str = "127.0.0.1:5000";

/// A registry that runs; its store outlives it.
#[derive(Debug)]
pub(crate) struct Registry(Child);

impl Registry {
    /// Starts it, and waits until it answers.
    pub(crate) fn serve(engine: &mut Engine) -> Self {
        let (config, store) = (engine.work().join("registry.yml"), engine.work().join("registry"));
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {ADDRESS}}}\n",
            store.display()
        );
        fs::write(&config, text).unwrap();
        let mut command = engine.inside("docker-registry");
        let registry = command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let answers = engine.wait_for(|engine| {
            let mut wget = engine.inside("busybox");
            wget.args(["wget", "-q", "-O", "/dev/null", &format!("http://{ADDRESS}/v2/")]).stderr(Stdio::null());
            wget.status().unwrap().success().then_some(())
        });
        assert!(answers.is_some(), "the registry does not answer");
        Self(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It goes with the engine's power too.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
