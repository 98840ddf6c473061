//! Credential plugins (`client.authentication.k8s.io`), run once for a client and again only when their answer ends.
//!
//! kube's own way runs the plugin three times for each client, and tells it that it may ask questions where nobody
//! sits at a terminal. This follows client-go's `plugin/pkg/client/auth/exec`.

use std::io;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::access::ExecSource;
use super::environment::Environment;
use super::pem;

/// A token is taken for expired this long before its time, so that a request under way does not outlive it.
const MARGIN: Duration = Duration::from_secs(10);

/// How often a plugin that has a time limit is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How a plugin is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// It could ask the user something.
    terminal: bool,
    /// Nobody listens to it, and it is ended after this time.
    limit: Option<Duration>,
}

impl Terms {
    pub fn of(environment: &Environment) -> Self {
        Self { terminal: environment.stdin_is_terminal, limit: environment.plugins_in_background }
    }

    fn stderr(self) -> Stdio {
        if self.limit.is_some() { Stdio::null() } else { Stdio::inherit() }
    }

    /// Waits for a plugin's end, which comes at the latest when its time is over.
    fn wait(self, mut child: Child) -> io::Result<Output> {
        if let Some(limit) = self.limit {
            let began = Instant::now();
            while child.try_wait()?.is_none() {
                if began.elapsed() > limit {
                    child.kill()?;
                    break;
                }
                thread::sleep(LOOK_EVERY);
            }
        }
        child.wait_with_output()
    }
}

/// Why a plugin gave no credentials.
#[derive(Debug, Error)]
pub enum ExecError {
    /// The program is not there, or may not be run.
    #[error("exec: executable {command} not found{}", hint(.install_hint.as_ref()))]
    NotFound {
        /// The program.
        command: String,
        /// What the kubeconfig says about getting it.
        install_hint: Option<String>,
    },
    /// The program could not be started.
    #[error("exec: executable {command} failed to start: {source}")]
    Start {
        /// The program.
        command: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program failed.
    #[error("exec: executable {command} failed with {status}")]
    Failed {
        /// The program.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The program needs a terminal.
    #[error("exec plugin {command} cannot support interactive mode: standard input is not a terminal")]
    NoTerminal {
        /// The program.
        command: String,
    },
    /// What it printed is not an ExecCredential.
    #[error("exec plugin {command}: decoding stdout: {reason}")]
    Output {
        /// The program.
        command: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The plugin's client certificate has ended, and this connection was built with it.
    #[error("the client certificate that exec plugin {command} gave has expired; run the command again")]
    CertificateExpired {
        /// The program.
        command: String,
    },
}

fn hint(text: Option<&String>) -> String {
    let general = "\nIt looks like you are trying to use a client-go credential plugin that is not installed.";
    match text {
        Some(text) => {
            // The text comes from a file: nothing in it may steer the terminal.
            let safe: String = text
                .chars()
                .map(|letter| if letter.is_control() && letter != '\n' && letter != '\t' { '?' } else { letter })
                .collect();
            format!("{general}\n{safe}")
        }
        None => general.to_owned(),
    }
}

/// What a plugin gave.
#[derive(Clone)]
pub(super) struct ExecCredential {
    pub token: Option<SecretString>,
    pub certificate: Option<(Vec<u8>, SecretString)>,
    pub expires: Option<SystemTime>,
}

impl ExecCredential {
    pub fn expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| now + MARGIN >= expires)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    kind: &'static str,
    api_version: &'a str,
    spec: RequestSpec<'a>,
}

#[derive(Serialize)]
struct RequestSpec<'a> {
    interactive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    api_version: String,
    status: Option<AnswerStatus>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AnswerStatus {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Runs the plugin. Blocks until it ends: it may talk with the user.
pub(super) fn run(source: &ExecSource, terms: Terms) -> Result<ExecCredential, ExecError> {
    let entry = &source.entry;
    let command = entry.command.clone().unwrap_or_default();
    let interactive = match entry.interactive_mode.as_deref() {
        Some("Never") => false,
        Some("Always") if !terms.terminal => return Err(ExecError::NoTerminal { command }),
        Some("Always") => true,
        _ => terms.terminal,
    };
    let version = entry.api_version.as_deref().unwrap_or_default();
    let request = Request {
        kind: "ExecCredential",
        api_version: version,
        spec: RequestSpec { interactive, cluster: source.cluster.as_ref() },
    };
    let output = |reason: String| ExecError::Output { command: command.clone(), reason };
    let info = serde_json::to_string(&request).map_err(|error| output(error.to_string()))?;
    let finished = Command::new(&command)
        .args(&entry.args)
        .envs(entry.env.iter().map(|variable| (&variable.name, &variable.value)))
        .env("KUBERNETES_EXEC_INFO", info)
        .stdin(if interactive { Stdio::inherit() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(terms.stderr())
        .spawn()
        .and_then(|child| terms.wait(child))
        .map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                ExecError::NotFound { command: command.clone(), install_hint: entry.install_hint.clone() }
            }
            _ => ExecError::Start { command: command.clone(), source },
        })?;
    if !finished.status.success() {
        return Err(ExecError::Failed { command, status: finished.status });
    }
    // Some plugins print YAML, which client-go accepts; JSON is YAML too.
    let text = String::from_utf8(finished.stdout).map_err(|_| output("it is not text".to_owned()))?;
    let answer: Answer = serde_saphyr::from_str(&text).map_err(|error| output(error.without_snippet().to_string()))?;
    if answer.kind != "ExecCredential" {
        return Err(output(format!("expected kind ExecCredential, found {:?}", answer.kind)));
    }
    if answer.api_version != version {
        return Err(output(format!(
            "exec plugin is configured to use API version {version}, plugin returned version {}",
            answer.api_version
        )));
    }
    let status = answer.status.ok_or_else(|| output("exec plugin didn't return a status field".to_owned()))?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let token = filled(status.token);
    let certificate = match (filled(status.client_certificate_data), filled(status.client_key_data)) {
        (Some(certificate), Some(key)) => {
            pem::check_identity(certificate.as_bytes(), key.as_bytes(), &source.user)
                .map_err(|error| output(error.to_string()))?;
            Some((certificate.into_bytes(), SecretString::from(key)))
        }
        (None, None) if token.is_none() => {
            return Err(output("exec plugin didn't return a token or cert/key pair".to_owned()));
        }
        (None, None) => None,
        _ => return Err(output("exec plugin returned only certificate or key, not both".to_owned())),
    };
    let expires = match filled(status.expiration_timestamp) {
        None => None,
        Some(text) => {
            let time = text.parse::<jiff::Timestamp>().and_then(SystemTime::try_from);
            Some(time.map_err(|_| output(format!("expirationTimestamp {text:?} is not a time as in RFC 3339")))?)
        }
    };
    Ok(ExecCredential { token: token.map(SecretString::from), certificate, expires })
}

/// Keeps a plugin's answer for as long as it is good.
pub(super) struct ExecTokens {
    source: ExecSource,
    terms: Terms,
    current: tokio::sync::Mutex<Current>,
}

struct Current {
    credential: ExecCredential,
    /// The server has taken this credential at least once.
    proven: bool,
    /// How often the plugin was run again.
    generation: u64,
}

impl ExecTokens {
    pub fn new(source: ExecSource, terms: Terms, credential: ExecCredential) -> Self {
        let current = Current { credential, proven: false, generation: 0 };
        Self { source, terms, current: tokio::sync::Mutex::new(current) }
    }

    /// The token to send now, and its generation.
    pub async fn token(&self) -> Result<(Option<SecretString>, u64), ExecError> {
        let mut current = self.current.lock().await;
        if current.credential.expired(SystemTime::now()) {
            self.refresh(&mut current).await?;
        }
        Ok((current.credential.token.clone(), current.generation))
    }

    /// The server took the credential.
    pub async fn accepted(&self) {
        self.current.lock().await.proven = true;
    }

    /// The server did not take the credential of this generation. Gets a new one where that can help: where the old
    /// one had been good before. Says whether the request is worth sending again.
    pub async fn rejected(&self, generation: u64) -> Result<bool, ExecError> {
        let mut current = self.current.lock().await;
        if current.generation != generation {
            return Ok(true);
        }
        if !current.proven {
            return Ok(false);
        }
        self.refresh(&mut current).await?;
        Ok(true)
    }

    async fn refresh(&self, current: &mut Current) -> Result<(), ExecError> {
        let (source, terms) = (self.source.clone(), self.terms);
        let command = source.entry.command.clone().unwrap_or_default();
        let credential = tokio::task::spawn_blocking(move || run(&source, terms))
            .await
            .map_err(|_| ExecError::Output { command: command.clone(), reason: "the run was broken off".into() })??;
        let identity = |credential: &ExecCredential| {
            credential
                .certificate
                .as_ref()
                .map(|(certificate, key)| (certificate.clone(), key.expose_secret().to_owned()))
        };
        if identity(&credential) != identity(&current.credential) {
            return Err(ExecError::CertificateExpired { command });
        }
        *current = Current { credential, proven: false, generation: current.generation + 1 };
        Ok(())
    }
}
