//! How long providers and runtimes are supported, each by its own calendar. They differ from upstream's by weeks.

use jiff::civil::Date;
use patchkit::rules::Minor;
use serde::{Deserialize, Serialize};

use super::{
    release::{Support, support_by_dates},
    table::{Table, TableError},
};

/// One line of a product's calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cycle {
    /// The product: `amazon-eks`, `containerd`; the names are those of endoflife.date.
    pub product: String,
    /// The product's own version line: `1.34`, for OpenShift `4.20`.
    pub cycle: String,
    /// The Kubernetes minor in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor: Option<Minor>,
    /// When the product offered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Date>,
    /// The end of active or full support, where the product has such a phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_until: Option<Date>,
    /// The end of support that comes without a special contract or price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<Date>,
    /// The end of extended support, which costs more: EKS extended support, AKS long-term support, OpenShift EUS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_until: Option<Date>,
    /// The newest version in the line, in the product's own way of writing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// When that one came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_date: Option<Date>,
    /// A line with long support.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lts: bool,
}

impl Cycle {
    /// The support on a day that comes without a special contract or price.
    #[must_use]
    pub fn support(&self, today: Date) -> Support {
        let maintenance = self.active_until.and_then(|date| date.tomorrow().ok());
        support_by_dates(self.released, maintenance, self.end_of_life, today)
    }

    /// Whether only the extended support, which costs more, holds on a day.
    #[must_use]
    pub fn is_only_extended(&self, today: Date) -> bool {
        self.end_of_life.is_some_and(|end| today > end) && self.extended_until.is_some_and(|end| today <= end)
    }
}

/// A product with a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// Kubernetes itself, as endoflife.date has it; the project's own schedule is in [`super::Releases`].
    Kubernetes,
    /// Amazon Elastic Kubernetes Service.
    Eks,
    /// Azure Kubernetes Service.
    Aks,
    /// Google Kubernetes Engine.
    Gke,
    /// Red Hat OpenShift.
    OpenShift,
    /// The container runtime.
    Containerd,
}

impl Product {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Kubernetes, Self::Eks, Self::Aks, Self::Gke, Self::OpenShift, Self::Containerd];

    /// The name at endoflife.date.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Eks => "amazon-eks",
            Self::Aks => "azure-kubernetes-service",
            Self::Gke => "google-kubernetes-engine",
            Self::OpenShift => "red-hat-openshift",
            Self::Containerd => "containerd",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Kubernetes => "Kubernetes",
            Self::Eks => "Amazon EKS",
            Self::Aks => "Azure AKS",
            Self::Gke => "Google GKE",
            Self::OpenShift => "Red Hat OpenShift",
            Self::Containerd => "containerd",
        }
    }

    /// What the extended support that costs more is called; `None` where there is none.
    #[must_use]
    pub const fn extended_support(self) -> Option<&'static str> {
        match self {
            Self::Eks => Some("extended support"),
            Self::Aks => Some("long-term support"),
            Self::OpenShift => Some("Extended Update Support"),
            Self::Kubernetes | Self::Gke | Self::Containerd => None,
        }
    }

    /// The Kubernetes minor in a version line of the product.
    ///
    /// OpenShift 4.N carries Kubernetes 1.(N+13) since 4.3, before that 1.(N+12) (Red Hat, solution 4870701).
    #[must_use]
    pub fn minor_of(self, cycle: &str) -> Option<Minor> {
        match self {
            Self::Kubernetes | Self::Eks | Self::Aks | Self::Gke => cycle.parse().ok(),
            Self::OpenShift => {
                let own: Minor = cycle.parse().ok()?;
                let offset = if own.minor >= 3 { 13 } else { 12 };
                (own.major == 4).then(|| Minor::new(1, own.minor + offset))
            }
            Self::Containerd => None,
        }
    }
}

/// The calendars of all products.
#[derive(Debug)]
pub struct Calendars {
    table: Table<Cycle>,
}

impl Calendars {
    /// The table's name.
    pub const TABLE: &'static str = "calendars";

    /// Reads the table.
    ///
    /// # Errors
    /// As [`Table::parse`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        Table::parse(Self::TABLE, text).map(Self::new)
    }

    /// Takes the table.
    #[must_use]
    pub const fn new(table: Table<Cycle>) -> Self {
        Self { table }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table<Cycle> {
        &self.table
    }

    /// A product's calendar.
    pub fn of(&self, product: Product) -> impl Iterator<Item = &Cycle> {
        self.table.records.iter().filter(move |cycle| cycle.product == product.as_str())
    }

    /// The line of a provider's calendar that speaks of a Kubernetes minor.
    #[must_use]
    pub fn for_minor(&self, product: Product, minor: Minor) -> Option<&Cycle> {
        self.of(product).find(|cycle| cycle.minor == Some(minor))
    }

    /// The line of a product's calendar that a version belongs to: `1.7.27` is in containerd's `1.7`.
    #[must_use]
    pub fn for_version(&self, product: Product, version: &str) -> Option<&Cycle> {
        let version = version.trim_start_matches('v');
        self.of(product).find(|cycle| {
            version
                .strip_prefix(cycle.cycle.as_str())
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        })
    }
}
