//! Applying suggested policies: tried on the server first, all of them, and then made one after the other.

use patchkit::{
    app::{App, Failure},
    cluster::{Cluster, ClusterError, ErrorKind},
    report::Exit,
};
use serde_json::{Value, json};

use super::object::{Applied, BEFORE, Outcome, RUN, TRIAL, WRITER, collection, is_managed, path_of};
use crate::suggest::Suggested;

/// Makes the policies. `run` is noted on each, and [`super::undo`] finds them by it. Where one is refused, those before
/// it stay, and the outcome says so.
///
/// # Errors
/// Where the server refuses one of them when it is tried, before anything was changed.
pub fn apply(app: &App, cluster: &Cluster, policies: &[Suggested], run: &str) -> Result<Vec<Applied>, Failure> {
    let mut steps = Vec::new();
    for policy in policies {
        steps.push(app.block_on(step(cluster, policy, run))??);
    }
    let mut all = Vec::new();
    for step in steps {
        let refused = all.iter().any(|applied: &Applied| applied.outcome == Outcome::Failed);
        let (outcome, detail) = match refused {
            true => (Outcome::Failed, "not begun, since an earlier one was refused".to_owned()),
            false => match app.block_on(step.make(cluster))? {
                Ok(outcome) => (outcome, String::new()),
                Err(error) => (Outcome::Failed, error.to_string()),
            },
        };
        all.push(Applied { object: step.policy.object_ref(), outcome, detail });
    }
    Ok(all)
}

/// One policy, and what has to be done for it.
struct Step<'p> {
    policy: &'p Suggested,
    change: Change,
}

enum Change {
    None,
    Create(Value),
    Replace(Value),
}

/// Finds out what has to be done, and has the server try it.
async fn step<'p>(cluster: &Cluster, policy: &'p Suggested, run: &str) -> Result<Step<'p>, Failure> {
    let object = policy.object_ref();
    let path = path_of(&object);
    let mut new = policy.object.clone();
    new["metadata"]["labels"][RUN] = run.into();
    let change = match cluster.get_json::<Value>(&path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            cluster.create(&collection(object.namespace.as_deref()), &new, TRIAL).await?;
            Change::Create(new)
        }
        Err(error) => return Err(error.into()),
        Ok(old) if !is_managed(&old) => {
            let told = format!("{} is there already, and was not made by this command", object.display());
            return Err(Failure::new(told).with_exit(Exit::Partial));
        }
        Ok(old) => {
            // The server fills in what was left out; what it makes of the new one tells whether anything differs.
            new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
            new["metadata"]["annotations"] = json!({BEFORE: before(&old).to_string()});
            let tried: Value = serde_json::from_slice(&cluster.replace(&path, &new, TRIAL).await?)?;
            if tried["spec"] == old["spec"] { Change::None } else { Change::Replace(new) }
        }
    };
    Ok(Step { policy, change })
}

/// What stood there, without what belongs to the server and to that moment. What stood there before that is not kept:
/// one step back is the run before this one.
fn before(old: &Value) -> Value {
    let metadata = &old["metadata"];
    let mut annotations = metadata["annotations"].clone();
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.remove(BEFORE);
    }
    json!({"labels": metadata["labels"], "annotations": annotations, "spec": old["spec"]})
}

impl Step<'_> {
    async fn make(&self, cluster: &Cluster) -> Result<Outcome, ClusterError> {
        let object = self.policy.object_ref();
        match &self.change {
            Change::None => Ok(Outcome::Unchanged),
            Change::Create(new) => {
                cluster.create(&collection(object.namespace.as_deref()), new, WRITER).await?;
                Ok(Outcome::Created)
            }
            Change::Replace(new) => {
                cluster.replace(&path_of(&object), new, WRITER).await?;
                Ok(Outcome::Replaced)
            }
        }
    }
}
