//! `kubectl secpatch posture`.

use std::{collections::BTreeSet, path::PathBuf};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use patchkit::{
    app::{
        App, FailOnArgs, Failure, OrFail as _, PublishArgs,
        source::{Gathered, SourceArgs},
    },
    cluster::{Cluster, ConnectOptions, Environment, MetadataWish, Wish, kubeconfig_users},
    render::OutputArgs,
    report::Exit,
};

use super::{
    own,
    session::{AsOfArgs, Session},
};
use crate::{
    inventory::{Hints, Inventory},
    posture::{self, Options, Wanted, exceptions::Exceptions, own::Own},
    subject::Subject,
};

/// The flags of `posture`.
#[derive(Args, Debug)]
pub struct PostureArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the report.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Leave a check out; what only it reads is not asked for (repeatable)
    #[arg(
        long,
        value_name = "CHECK",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(posture::checks().map(|check| check.id)).map(|id| known(&id)),
        hide_possible_values = true,
        help_heading = "Posture"
    )]
    pub skip: Vec<&'static str>,

    /// A YAML file of what is accepted, each with a reason: a list exceptions of check, object (KIND/NAME or
    /// KIND/NAMESPACE/NAME), reason and expires
    #[arg(long, value_name = "FILE", help_heading = "Posture")]
    pub exceptions: Option<PathBuf>,

    /// For which moment.
    #[command(flatten, next_help_heading = "Posture")]
    pub as_of: AsOfArgs,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,

    /// Where the report is kept.
    #[command(flatten)]
    pub publish: PublishArgs,
}

/// The identifier as the catalogue has it. Only its own ones come here.
fn known(id: &str) -> &'static str {
    posture::check(id).map_or("", |check| check.id)
}

/// The Secrets that hold tokens of service accounts: no other Secret is asked for, and of these only the metadata. The
/// annotations of any other may hold its data, where kubectl has applied it.
const TOKEN_SECRETS: &str = "type=kubernetes.io/service-account-token";

/// Runs the checks, and writes the table.
///
/// # Errors
/// Where nothing can be read, or the exceptions are no such file, or the report cannot be written.
pub fn run(app: &App, args: &PostureArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let session = Session::begin(args.as_of);
    let exceptions = match &args.exceptions {
        Some(path) => Exceptions::load(path).or_usage()?,
        None => Exceptions::default(),
    };
    let wanted = Wanted { skip: args.skip.iter().copied().collect::<BTreeSet<_>>() };
    let wish = Wish { kinds: wanted.kinds(), deprecated_calls: false };
    let wishes_for_tokens = |wanted: bool| -> Vec<MetadataWish> {
        let secrets = MetadataWish {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "Secret".to_owned(),
            plural: "secrets".to_owned(),
            fields: TOKEN_SECRETS,
        };
        wanted.then_some(secrets).into_iter().collect()
    };
    let (Gathered { snapshot, source }, own) = if args.source.files.is_empty() {
        let cluster = app.connect(connect)?;
        let asks_for_tokens = wanted.asks_for_token_secrets();
        let may_not = asks_for_tokens && app.block_on(own::may_not_list_secrets(&cluster))?;
        let gathered = app.gather(&cluster, &wish, |_, _| wishes_for_tokens(asks_for_tokens && !may_not))?;
        let own = of_cluster(app, &cluster, connect, &wanted)?;
        (gathered, if may_not { own.without_secrets() } else { own })
    } else {
        (app.read(&args.source, connect, &wish, |_, _| Vec::new())?, of_files(connect))
    };
    let inventory = Inventory::of(&snapshot, &Hints::default());
    let subject = Subject {
        snapshot: &snapshot,
        inventory: &inventory,
        facts: &session.facts,
        now: session.now,
        today: session.today,
    };
    let made = posture::make(subject, &own, Options { wanted, exceptions });
    let report = made.report(app.metadata("posture", session.now, source));
    let exit = app.write(&report, &args.output, args.fail_on.fail_on)?;
    app.publish(&args.publish, connect, &report, exit)
}

fn of_cluster(app: &App, cluster: &Cluster, connect: &ConnectOptions, wanted: &Wanted) -> Result<Own, Failure> {
    let is_wanted = |id: &str| !wanted.skip.contains(id);
    let me = if is_wanted("identity") || is_wanted("identity-rights") {
        app.block_on(own::ask(cluster, is_wanted("identity-rights")))?
    } else {
        Err("not asked for".to_owned())
    };
    let users = if is_wanted("credentials-kubeconfig") {
        kubeconfig_users(connect, &Environment::of_process(), cluster.access().cluster.as_deref())
            .map_err(|error| error.to_string())
    } else {
        Err("not asked for".to_owned())
    };
    Ok(Own::of_cluster(me, users))
}

/// With files no kubeconfig is read, unless one is named.
fn of_files(connect: &ConnectOptions) -> Own {
    let named = connect.kubeconfig.is_some();
    Own::of_files(
        named.then(|| kubeconfig_users(connect, &Environment::of_process(), None).map_err(|error| error.to_string())),
    )
}
