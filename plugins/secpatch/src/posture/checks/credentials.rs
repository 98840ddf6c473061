//! Credentials that count for long: certificates, tokens, passwords. Of Secrets there is nothing but metadata.

use jiff::Timestamp;
use patchkit::{
    cluster::{KubeconfigUser, TokenLife},
    report::{ObjectRef, Severity},
    rules::Certificate,
    snapshot::kinds,
};

use super::{
    super::outcome::{Found, Gap, Outcome, unread},
    Look,
};
use crate::words::count;

/// A certificate cannot be called back: one that counts for more than a year and a day counts for too long.
const LONG_DAYS: i64 = 366;
/// A certificate or token that ends within these days is to be renewed.
const SOON_DAYS: i64 = 30;
/// The signer of certificates by which people and programs are known to the API server.
const FOR_CLIENTS: &str = "kubernetes.io/kube-apiserver-client";
/// The group that no rule binds.
const MASTERS: &str = "system:masters";

fn day(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d").to_string()
}

/// What is wrong with a certificate, and how much that matters.
fn wrong(certificate: &Certificate, now: Timestamp) -> Option<(String, Option<Severity>)> {
    let end = day(certificate.not_after);
    let holder = &certificate.common_name;
    if now > certificate.not_after {
        return Some((format!("the certificate of {holder} has ended on {end}"), None));
    }
    if certificate.organizations.iter().any(|group| group == MASTERS) {
        let why = format!("the certificate of {holder} is in {MASTERS} until {end}, and cannot be called back");
        return Some((why, Some(Severity::High)));
    }
    if certificate.days() > LONG_DAYS {
        let days = certificate.days();
        return Some((format!("the certificate of {holder} counts for {days} days, until {end}"), None));
    }
    (certificate.days_left(now) < SOON_DAYS)
        .then(|| (format!("the certificate of {holder} ends on {end}"), Some(Severity::Low)))
}

pub(in super::super) fn issued(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let now = look.subject.now;
    let mut gaps: Vec<Gap> = unread(snapshot, &kinds::CERTIFICATE_SIGNING_REQUESTS).into_iter().collect();
    let mut found = Vec::new();
    let all: Vec<_> = snapshot
        .certificate_requests
        .iter()
        .filter(|request| request.signer == FOR_CLIENTS && request.approved)
        .collect();
    for request in &all {
        match &request.certificate {
            Some(Ok(certificate)) if now <= certificate.not_after => {
                // That one ends soon is for its holder to know.
                let serious = wrong(certificate, now).filter(|(_, severity)| *severity != Some(Severity::Low));
                found.extend(serious.map(|(detail, severity)| Found {
                    severity,
                    ..Found::about(snapshot, "CertificateSigningRequest", &request.meta, detail)
                }));
            }
            Some(Err(why)) => gaps.push(Gap::new(format!("the certificate of {}: {why}", request.meta.name))),
            _ => {}
        }
    }
    let of = count(all.len(), "request");
    // The controller deletes issued requests after an hour (pkg/controller/certificates/cleaner).
    let passed = format!("{of} for client certificates; older ones are deleted after an hour");
    Outcome { passed, ..Outcome::counted(found, of, "gave a certificate that counts for too long or for too much") }
        .with_gaps(gaps)
}

pub(in super::super) fn kubeconfig(look: &Look<'_>) -> Outcome {
    let users = match &look.own.kubeconfig {
        Ok(users) => users,
        Err(gap) => return Outcome::unseen(gap.clone()),
    };
    let now = look.subject.now;
    let mut gaps = Vec::new();
    let mut found = Vec::new();
    for user in users {
        let mut tell = |(detail, severity): (String, Option<Severity>)| {
            let object = ObjectRef { kind: "User".to_owned(), name: user.name.clone(), ..ObjectRef::default() };
            found.push(Found { object: Some(object), severity, ..Found::told(detail) });
        };
        match &user.certificate {
            Some(Ok(certificate)) => wrong(certificate, now).map(&mut tell),
            Some(Err(why)) => {
                gaps.push(Gap::new(why.as_str()));
                None
            }
            None => None,
        };
        held(user, now).into_iter().for_each(tell);
    }
    let passed = if users.is_empty() { "no user of a kubeconfig".to_owned() } else { count(users.len(), "user") };
    let outcome = Outcome::counted(found, count(users.len(), "user"), "have a credential to be changed");
    Outcome { passed, ..outcome }.with_gaps(gaps)
}

/// What is wrong with the token and the password in a kubeconfig.
fn held(user: &KubeconfigUser, now: Timestamp) -> Vec<(String, Option<Severity>)> {
    let file = user.file.display();
    let mut found = Vec::new();
    match user.token {
        Some(TokenLife::Endless) => found.push((format!("a token that never ends stands in {file}"), None)),
        Some(TokenLife::Until(end)) if end < now => {
            found.push((format!("the token in {file} has ended on {}", day(end)), Some(Severity::Low)));
        }
        Some(TokenLife::Until(end)) if (end.as_second() - now.as_second()) / 86_400 > LONG_DAYS => {
            found.push((format!("the token in {file} counts until {}", day(end)), None));
        }
        Some(TokenLife::Until(_)) | None => {}
        Some(TokenLife::Unknown) => {
            found.push((format!("a token stands in {file} that does not say when it ends"), Some(Severity::Low)));
        }
    }
    if user.has_password {
        found.push((format!("a password stands in {file}; no API server takes one since 1.19"), Some(Severity::Low)));
    }
    found
}

/// The account of a token Secret: the controller that fills it asks for this annotation.
const ACCOUNT: &str = "kubernetes.io/service-account.name";

pub(in super::super) fn token_secrets(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let now = look.subject.now;
    let tokens: Vec<_> = snapshot
        .others
        .iter()
        .filter(|object| object.kind == "Secret" && object.meta.annotations.contains_key(ACCOUNT))
        .collect();
    let found = tokens
        .iter()
        // The controller that cleans up has made it worthless already.
        .filter(|object| !object.meta.labels.contains_key("kubernetes.io/legacy-token-invalid-since"))
        .map(|object| {
            let account = object.meta.annotations.get(ACCOUNT).unwrap_or_default();
            let age = object.meta.created.map(|created| {
                format!(
                    ", {} old",
                    count(usize::try_from((now.as_second() - created.as_second()) / 86_400).unwrap_or(0), "day")
                )
            });
            let used = object.meta.labels.get("kubernetes.io/legacy-token-last-used");
            let used = used.map(|day| format!(", last used {day}"));
            let detail = format!(
                "a token of ServiceAccount {account} that never ends{}{}",
                age.unwrap_or_default(),
                used.unwrap_or_default()
            );
            Found::about(snapshot, "Secret", &object.meta, detail)
        })
        .collect();
    let unread = || snapshot.why_unknown_of("", "Secret").map(|why| Gap::new(format!("secrets: {why}")));
    let gap = look.own.secrets.clone().or_else(unread);
    Outcome::counted(found, count(tokens.len(), "token Secret"), "hold a token that never ends").with_gaps(gap)
}
