//! Making one change after the other.

use std::time::{Duration, Instant};

use patchkit::{
    app::{App, Failure, Interrupt},
    cluster::{Cluster, ClusterError, Writer},
    report::ObjectRef,
    term::Paint,
};
use serde::Serialize;
use serde_json::Value;

use super::{
    address::{FIELD_MANAGER, collection, path_of},
    diff::diff,
    journal::{Entry, Journal, Stage},
    rollout::{Rollout, rollout},
};
use crate::fix::{
    Fix,
    merge::{is_applied, reverse},
};

/// Time between two looks at a rollout.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How changes are made.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// Do not ask.
    pub yes: bool,
    /// How long one rollout may take, and as long again for taking it back.
    pub timeout: Duration,
    /// The run, by which its journals are found.
    pub run: String,
}

/// What came of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Made, and all pods run with it; or nothing rolls out.
    Changed,
    /// The person said no.
    Declined,
    /// It cannot be made: decisions are open, or the object cannot be changed in place.
    Skipped,
    /// The rollout failed, and the object is as it was.
    TakenBack,
    /// The rollout failed, and so did taking it back: the journal is kept.
    Failed,
    /// Somebody pressed Ctrl-C while it rolled out: the change stands, and so does its journal.
    Interrupted,
}

/// One change with its outcome.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// What was changed.
    pub object: ObjectRef,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, or how.
    pub detail: String,
}

/// Makes the changes, each after its diff was shown and confirmed. A rollout that fails is taken back, and those that
/// follow are not begun; nor are they after Ctrl-C, which leaves the change that is rolling out as it is and says so.
///
/// # Errors
/// Where nobody is there to be asked, and where the cluster refuses a dry run.
pub fn apply(app: &App, cluster: &Cluster, fixes: &[Fix], options: &ApplyOptions) -> Result<Vec<Applied>, Failure> {
    let mut all = Vec::new();
    let mut why_not = None;
    for fix in fixes {
        let (outcome, detail) = match why_not {
            Some(why) => (Outcome::Skipped, format!("not begun, since {why}")),
            None => one(app, cluster, fix, options)?,
        };
        why_not = match outcome {
            Outcome::TakenBack | Outcome::Failed => Some("an earlier rollout failed"),
            Outcome::Interrupted => Some("the run was interrupted"),
            _ => why_not,
        };
        app.progress.say(&format!("{}: {detail}", fix.object.display()));
        all.push(Applied { object: fix.object.clone(), outcome, detail });
    }
    Ok(all)
}

fn one(app: &App, cluster: &Cluster, fix: &Fix, options: &ApplyOptions) -> Result<(Outcome, String), Failure> {
    let Some(patch) = fix.patch.as_ref().filter(|_| fix.reaches) else {
        let open = fix.decisions.iter().find(|decision| decision.blocks);
        let why = open.map_or("no patch reaches the level", |decision| &decision.question);
        return Ok((Outcome::Skipped, format!("left as it is: {why}")));
    };
    if matches!(fix.object.kind.as_str(), "Pod" | "Job") {
        let why = fix.decisions.last().map_or("it cannot be changed in place", |decision| &decision.question);
        return Ok((Outcome::Skipped, format!("left as it is: {why}")));
    }
    let path = path_of(&fix.object);
    let before: Value = app.block_on(cluster.get_json(&path))??;
    let trial = Writer { field_manager: FIELD_MANAGER, dry_run: true };
    let after = app.block_on(cluster.strategic_merge_patch(&path, patch, trial))??;
    let after: Value = serde_json::from_slice(&after)?;
    app.progress.say(&format!("\n{}", fix.object.display()));
    for line in diff(&before, &after, Paint::new(app.stderr.colour)) {
        app.progress.say(&line);
    }
    for effect in &fix.effects {
        app.progress.say(&format!("Afterwards: {effect}"));
    }
    for decision in &fix.decisions {
        app.warn(&decision.question);
    }
    for overwriter in &fix.overwritten_by {
        app.warn(&overwriter.display());
    }
    if !app.prompt().confirm(&format!("Change {}?", fix.object.display()), options.yes)? {
        return Ok((Outcome::Declined, "left as it is".to_owned()));
    }
    // From here on Ctrl-C must not leave a change behind that nobody has heard of.
    let mut interrupt = app.interrupt();
    app.block_on(change(app, cluster, fix, patch, &before, options, &mut interrupt))?
}

async fn change(
    app: &App,
    cluster: &Cluster,
    fix: &Fix,
    patch: &Value,
    before: &Value,
    options: &ApplyOptions,
    interrupt: &mut Interrupt,
) -> Result<(Outcome, String), Failure> {
    let path = path_of(&fix.object);
    let mut patch = patch.clone();
    // Fails where the object was made anew since it was looked at.
    patch["metadata"]["uid"] = before["metadata"]["uid"].clone();
    let mut content = patch.clone();
    for identity in ["apiVersion", "kind", "metadata"] {
        if let Some(content) = content.as_object_mut() {
            content.remove(identity);
        }
    }
    let entry = Entry {
        object: fix.object.clone(),
        uid: before["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
        back: reverse(&content, before),
        patch: content,
    };
    let mut journal = Journal::begin(cluster, &options.run, entry).await?;
    let writer = Writer { field_manager: FIELD_MANAGER, dry_run: false };
    if let Err(error) = cluster.strategic_merge_patch(&path, &patch, writer).await {
        // It may have been made all the same: the object tells.
        let now: Value = cluster.get_json(&path).await?;
        if !is_applied(&now, &journal.entry.patch) {
            journal.end(cluster).await?;
            return Ok((Outcome::Skipped, format!("left as it is: {error}")));
        }
    }
    match watch(app, cluster, &fix.object, options.timeout, interrupt).await {
        Watched::Done(how) => {
            journal.reach(cluster, Stage::Done).await?;
            Ok((Outcome::Changed, format!("changed; {how} (journal {})", journal.display())))
        }
        Watched::Interrupted(told) => {
            let (journal, run) = (journal.display(), &options.run);
            let detail = format!(
                "interrupted: it is changed, and its rollout goes on without being watched{told}; journal {journal}. \
                 kubectl secpatch fix --undo={run} restores it; the same command once more goes on with the others"
            );
            Ok((Outcome::Interrupted, detail))
        }
        Watched::Failed(why) => {
            app.warn(&format!("{}: {why}; taking it back", fix.object.display()));
            Ok(match take_back(app, cluster, &mut journal, options.timeout, interrupt).await {
                Ok(TakenBack { how, .. }) => (Outcome::TakenBack, format!("taken back, since {why}; {how}")),
                Err(error) => (
                    Outcome::Failed,
                    format!(
                        "{why}; it could not be taken back: {error}. The journal {} is kept: kubectl secpatch fix --undo",
                        journal.display()
                    ),
                ),
            })
        }
    }
}

/// A change that was taken back.
pub(super) struct TakenBack {
    /// How its pods are.
    pub(super) how: String,
    /// Somebody pressed Ctrl-C while its pods were waited for.
    pub(super) interrupted: bool,
}

/// Takes a change back, waits until its pods are back, and ends the journal.
pub(super) async fn take_back(
    app: &App,
    cluster: &Cluster,
    journal: &mut Journal,
    timeout: Duration,
    interrupt: &mut Interrupt,
) -> Result<TakenBack, String> {
    let words = |error: ClusterError| error.to_string();
    journal.reach(cluster, Stage::TakingBack).await.map_err(words)?;
    let object = journal.entry.object.clone();
    let path = path_of(&object);
    let mut back = journal.entry.back.clone();
    back["metadata"]["uid"] = journal.entry.uid.clone().into();
    let writer = Writer { field_manager: FIELD_MANAGER, dry_run: false };
    cluster.strategic_merge_patch(&path, &back, writer).await.map_err(words)?;
    // As it was before is restored now; that its pods are ready again is another matter.
    journal.end(cluster).await.map_err(words)?;
    let taken_back = |how: String, interrupted| TakenBack { how, interrupted };
    Ok(match watch(app, cluster, &object, timeout, interrupt).await {
        Watched::Done(how) => taken_back(format!("it is as it was before; {how}"), false),
        Watched::Failed(why) => taken_back(format!("it is as it was before, but {why}"), false),
        Watched::Interrupted(told) => {
            taken_back(format!("it is as it was before; interrupted while its pods were waited for{told}"), true)
        }
    })
}

/// How the watch of a rollout ended.
enum Watched {
    /// Well, and how.
    Done(String),
    /// Not well, and why.
    Failed(String),
    /// By Ctrl-C, and what was waited for last.
    Interrupted(String),
}

/// Waits for the end of a rollout, and says what happens on the way.
async fn watch(
    app: &App,
    cluster: &Cluster,
    object: &ObjectRef,
    timeout: Duration,
    interrupt: &mut Interrupt,
) -> Watched {
    let path = path_of(object);
    let end = Instant::now() + timeout;
    let mut told = String::new();
    loop {
        let now: Value = match cluster.get_json(&path).await {
            Ok(now) => now,
            Err(error) => return Watched::Failed(error.to_string()),
        };
        let waiting = match rollout(&now) {
            Rollout::Done => return Watched::Done("all pods run with it".to_owned()),
            Rollout::None(why) => return Watched::Done(why.to_owned()),
            Rollout::Failed(why) => return Watched::Failed(with_reasons(cluster, object, &now, why).await),
            Rollout::Waiting(what) => what,
        };
        if waiting != told {
            app.progress.say(&format!("{}: {waiting}", object.display()));
            told = waiting;
        }
        if Instant::now() >= end {
            let why = format!("after {} s {told}", timeout.as_secs());
            return Watched::Failed(with_reasons(cluster, object, &now, why).await);
        }
        tokio::select! {
            () = interrupt.pressed() => return Watched::Interrupted(format!(" ({told})")),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Adds what the pods that are not ready wait for, where they say it.
async fn with_reasons(cluster: &Cluster, object: &ObjectRef, now: &Value, why: String) -> String {
    let Some(labels) = now["spec"]["selector"]["matchLabels"].as_object() else { return why };
    let selector: Vec<String> =
        labels.iter().map(|(key, value)| format!("{key}%3D{}", value.as_str().unwrap_or_default())).collect();
    let pods = collection("v1", "pods", object.namespace.as_deref());
    let path = format!("{pods}?labelSelector={}", selector.join("%2C"));
    let Ok(list) = cluster.get_json::<Value>(&path).await else { return why };
    let mut reasons = std::collections::BTreeSet::new();
    for pod in list["items"].as_array().into_iter().flatten() {
        for field in ["initContainerStatuses", "containerStatuses"] {
            for status in pod["status"][field].as_array().into_iter().flatten() {
                let waiting = &status["state"]["waiting"];
                if let Some(reason) = waiting["reason"].as_str().filter(|reason| *reason != "ContainerCreating") {
                    reasons.insert(
                        format!("{reason} {}", waiting["message"].as_str().unwrap_or_default()).trim().to_owned(),
                    );
                }
            }
        }
    }
    for condition in now["status"]["conditions"].as_array().into_iter().flatten() {
        if condition["type"] == "ReplicaFailure" {
            reasons.extend(condition["message"].as_str().map(str::to_owned));
        }
    }
    if reasons.is_empty() { why } else { format!("{why} ({})", reasons.into_iter().collect::<Vec<_>>().join("; ")) }
}
