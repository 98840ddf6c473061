//! Taking back what journals hold.

use std::time::Duration;

use patchkit::{
    app::{App, Failure},
    cluster::{Cluster, ErrorKind, Writer},
    term::Paint,
};
use serde_json::Value;

use super::{
    address::{FIELD_MANAGER, path_of},
    apply::{Applied, Outcome, take_back},
    diff::diff,
    journal::Journal,
};
use crate::fix::merge::is_applied;

/// Restores what runs of `fix` have changed, the latest change first: of one run or of all, in one namespace or in all.
///
/// # Errors
/// Where the journals cannot be read, and where nobody is there to be asked.
pub fn undo(
    app: &App,
    cluster: &Cluster,
    namespace: Option<&str>,
    run: Option<&str>,
    yes: bool,
    timeout: Duration,
) -> Result<Vec<Applied>, Failure> {
    let (journals, broken) = app.block_on(Journal::all(cluster, namespace))??;
    for name in broken {
        app.warn(&format!("the ConfigMap {name} is no journal that can be read, and is left alone"));
    }
    let mut all = Vec::new();
    let mut interrupted = false;
    for mut journal in journals.into_iter().filter(|journal| run.is_none_or(|run| run == journal.run)) {
        let (outcome, detail) = if interrupted {
            let detail = format!("not begun, since the run was interrupted; the journal {} is kept", journal.display());
            (Outcome::Interrupted, detail)
        } else {
            one(app, cluster, &mut journal, yes, timeout, &mut interrupted)?
        };
        app.progress.say(&format!("{}: {detail}", journal.entry.object.display()));
        all.push(Applied { object: journal.entry.object, outcome, detail });
    }
    Ok(all)
}

fn one(
    app: &App,
    cluster: &Cluster,
    journal: &mut Journal,
    yes: bool,
    timeout: Duration,
    interrupted: &mut bool,
) -> Result<(Outcome, String), Failure> {
    let object = journal.entry.object.clone();
    let path = path_of(&object);
    let now: Value = match app.block_on(cluster.get_json(&path))? {
        Ok(now) => now,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            app.block_on(journal.end(cluster))??;
            return Ok((Outcome::Skipped, "it is gone, and its journal with it now".to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    if now["metadata"]["uid"] != journal.entry.uid.as_str() {
        app.block_on(journal.end(cluster))??;
        return Ok((Outcome::Skipped, "it has been made anew since, and is left as it is".to_owned()));
    }
    if is_applied(&now, &journal.entry.back) {
        app.block_on(journal.end(cluster))??;
        return Ok((Outcome::TakenBack, "it is as it was before already".to_owned()));
    }
    if !is_applied(&now, &journal.entry.patch) {
        let detail = format!(
            "somebody has changed the same fields since, so that it is left as it is; the journal {} says what was \
             before",
            journal.display()
        );
        return Ok((Outcome::Failed, detail));
    }
    let trial = Writer { field_manager: FIELD_MANAGER, dry_run: true };
    let after = app.block_on(cluster.strategic_merge_patch(&path, &journal.entry.back, trial))??;
    let after: Value = serde_json::from_slice(&after)?;
    app.progress.say(&format!("\n{} (changed {})", object.display(), journal.written));
    for line in diff(&now, &after, Paint::new(app.stderr.colour)) {
        app.progress.say(&line);
    }
    if !app.prompt().confirm(&format!("Restore {}?", object.display()), yes)? {
        return Ok((Outcome::Declined, "left as it is".to_owned()));
    }
    let mut interrupt = app.interrupt();
    Ok(match app.block_on(take_back(app, cluster, journal, timeout, &mut interrupt))? {
        Ok(taken_back) => {
            *interrupted = taken_back.interrupted;
            (Outcome::TakenBack, taken_back.how)
        }
        Err(why) => (Outcome::Failed, format!("{why}; the journal {} is kept", journal.display())),
    })
}
