//! What the tests of the client share.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use patchkit::cluster::{
    Cluster, ClusterError, ConnectOptions, ConnectSettings, Environment, Notice, RetryPolicy, connect,
};
use patchkit_test_support::ScriptedServer;

/// Notices as they were told.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<Notice>>>);

impl Told {
    pub fn all(&self) -> Vec<Notice> {
        self.0.lock().unwrap().clone()
    }

    pub fn settings(&self) -> ConnectSettings {
        let told = self.0.clone();
        let mut settings = ConnectSettings::new("client-test/1.2.3")
            .telling(Arc::new(move |notice: &Notice| told.lock().unwrap().push(notice.clone())));
        settings.retry = RetryPolicy { first_wait: Duration::from_millis(1), ..RetryPolicy::default() };
        settings
    }
}

/// An environment with nothing in it.
pub fn nothing() -> Environment {
    Environment::with([], None)
}

pub fn to_server(url: &str) -> ConnectOptions {
    ConnectOptions { server: Some(url.to_owned()), ..ConnectOptions::default() }
}

pub fn with_kubeconfig(path: &Path) -> ConnectOptions {
    ConnectOptions { kubeconfig: Some(path.to_owned()), ..ConnectOptions::default() }
}

/// A client of a plain server, and what it tells.
pub async fn client_of(server: &ScriptedServer) -> (Cluster, Told) {
    let told = Told::default();
    let cluster = connect(&to_server(&server.url()), &nothing(), told.settings()).await.unwrap();
    (cluster, told)
}

pub async fn connect_with(options: &ConnectOptions) -> Result<Cluster, ClusterError> {
    connect(options, &nothing(), Told::default().settings()).await
}

/// Waits until something is so. Ends with the test's own time limit where it never is.
pub async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
