//! What a fix is.

use std::{collections::BTreeMap, str::FromStr};

use patchkit::report::{NotEvaluated, ObjectRef, SourceRef};
use serde::Serialize;
use serde_json::Value;

use super::overwriting::Overwriter;
use crate::{
    patch_files::{PatchFile, PatchForm},
    pod_security::{Level, PolicyVersion, Violation},
};

/// What takes the place of a volume that the level forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeAnswer {
    /// An empty folder that goes with the pod.
    EmptyDir,
    /// This claim.
    Claim(String),
}

/// What a person has decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// The user that containers run as which ask for root, or for nobody in particular.
    pub run_as_user: Option<i64>,
    /// What takes the place of a volume, by its name.
    pub volumes: BTreeMap<String, VolumeAnswer>,
}

/// A text that says not what takes the place of a volume.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} does not say what takes the place of a volume: expected NAME=emptyDir or NAME=claim:CLAIM")]
pub struct VolumeAnswerError(pub String);

/// `NAME=emptyDir`, `NAME=claim:CLAIM`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedVolumeAnswer(pub String, pub VolumeAnswer);

impl FromStr for NamedVolumeAnswer {
    type Err = VolumeAnswerError;

    fn from_str(text: &str) -> Result<Self, VolumeAnswerError> {
        let wrong = || VolumeAnswerError(text.to_owned());
        let (name, answer) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
        let answer = match answer.split_once(':') {
            None if answer == "emptyDir" => VolumeAnswer::EmptyDir,
            Some(("claim", claim)) if !claim.is_empty() => VolumeAnswer::Claim(claim.to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Self(name.to_owned(), answer))
    }
}

/// Something that no patch can know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// What is to be decided, and what depends on it.
    pub question: String,
    /// How to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_by: Option<String>,
    /// Whether the level is out of reach until it is answered.
    pub blocks: bool,
}

/// The change of one pod or template.
#[derive(Clone, Debug, PartialEq)]
pub struct PodFix {
    /// A strategic merge patch of the pod or the template; `None` where nothing is to be changed.
    pub patch: Option<Value>,
    /// What only a person can decide.
    pub decisions: Vec<Decision>,
    /// What the program in the pod will notice.
    pub effects: Vec<String>,
    /// What the level still forbids afterwards.
    pub remaining: Vec<Violation>,
}

/// The change of one object.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fix {
    /// What is changed.
    pub object: ObjectRef,
    /// Where it stands in the input files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRef>,
    /// The level to reach.
    pub level: Level,
    /// The version of the standards.
    pub policy_version: PolicyVersion,
    /// What the level forbids today.
    pub violations: Vec<Violation>,
    /// Whether the patch reaches the level.
    pub reaches: bool,
    /// What the level still forbids with the patch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remaining: Vec<Violation>,
    /// A strategic merge patch with the object's identity; absent where no patch can be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Value>,
    /// The same change as a JSON patch (RFC 6902).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_patch: Option<Vec<Value>>,
    /// Who may overwrite the change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overwritten_by: Vec<Overwriter>,
    /// What only a person can decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
    /// What the program in the pod will notice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<String>,
}

impl Fix {
    /// Its patch as a file; `None` where there is none.
    ///
    /// # Errors
    /// As [`PatchFile::new`].
    pub fn file(&self, form: PatchForm) -> Result<Option<PatchFile>, serde_saphyr::ser::Error> {
        let patch = match form {
            PatchForm::Strategic => self.patch.clone(),
            PatchForm::Json => self.json_patch.clone().map(Value::from),
        };
        let decisions = self.decisions.iter().map(|decision| format!("To decide: {}", decision.question));
        let remarks = decisions.chain(self.overwritten_by.iter().map(Overwriter::display));
        patch.map(|patch| PatchFile::new(&self.object, &patch, remarks)).transpose()
    }
}

/// All changes.
#[derive(Clone, Debug)]
pub struct FixPlan {
    /// One for each object that violates the level.
    pub fixes: Vec<Fix>,
    /// How many objects pass it as they are.
    pub unchanged: usize,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
    /// The level to reach.
    pub level: Level,
    /// The version of the standards.
    pub policy_version: PolicyVersion,
}

/// What the user decides about fixes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The level to reach.
    pub level: Level,
    /// The version of the standards; `None` is `latest`.
    pub version: Option<PolicyVersion>,
    /// The version that the cluster is to be updated to: what `latest` will mean then.
    pub target: Option<PolicyVersion>,
    /// Look at this namespace only.
    pub namespace: Option<String>,
    /// Look at these objects only, as `kind/name`; all where empty.
    pub only: Vec<String>,
    /// What has been decided.
    pub answers: Answers,
}
