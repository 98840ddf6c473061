//! `--dry-run=server`: every eviction is asked of the API server as a dry run, so that its admission, the budgets as it
//! sees them and the rights of the user have their say. Nothing is cordoned and nothing goes.

use patchkit::{
    cluster::{Cluster, Removal, Writer},
    report::{Finding, ObjectRef, Severity},
};

use super::{
    FIELD_MANAGER,
    task::{Choice, How, Task},
};
use crate::drain::{DrainPlan, Options};

const WRITER: Writer<'static> = Writer { field_manager: FIELD_MANAGER, dry_run: true };

/// What the API server says to the pods of a plan, each asked for alone: a budget that grants one grants it to each.
#[derive(Debug, Default)]
pub struct Rehearsal {
    /// How many were asked for.
    pub asked: usize,
    /// How many would go at once.
    pub granted: usize,
    /// The others.
    pub findings: Vec<Finding>,
}

/// Asks the API server about every pod that is to go.
pub async fn rehearse(cluster: &Cluster, plan: &DrainPlan, options: &Options) -> Rehearsal {
    let grace = (options.grace_period >= 0).then_some(options.grace_period);
    let mut rehearsal = Rehearsal::default();
    for planned in &plan.pods {
        let Some(task) = Task::of(planned, grace, Choice::default(), 0) else { continue };
        // A pod that is waited for is asked to go when it has finished.
        if task.how == How::Complete {
            continue;
        }
        rehearsal.asked += 1;
        let answer = match task.how {
            How::Delete => cluster.delete_pod(&task.pod, WRITER).await,
            How::Evict | How::Complete => cluster.evict(&task.pod, WRITER).await,
        };
        let (severity, why) = match answer {
            Removal::Granted | Removal::Gone | Removal::NamespaceTerminating => {
                rehearsal.granted += 1;
                continue;
            }
            Removal::Budget { message, .. } => (Severity::Info, format!("not now: {message}")),
            Removal::Busy { .. } => (Severity::Info, "it is busy, and was not asked again".to_owned()),
            Removal::SeveralBudgets => (Severity::High, "more than one budget covers it".to_owned()),
            Removal::Trouble(why) => (Severity::Medium, why),
            Removal::Refused(why) => (Severity::High, why),
        };
        let object = ObjectRef {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some(planned.namespace.clone()),
            name: planned.name.clone(),
            container: None,
        };
        let title = format!("{}: the API server would not let it go: {why}", planned.path());
        rehearsal.findings.push(Finding::new("server-refuses", severity, title).with_object(object));
    }
    rehearsal
}
