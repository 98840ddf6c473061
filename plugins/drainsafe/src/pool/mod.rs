//! The update of a whole pool: which nodes are outdated, how many more nodes it may have meanwhile, which may be drained
//! now, and how long all of it takes. Pure functions of a snapshot and of what the user decides; `execute` carries out.
//!
//! A pool is updated without any pod moving twice where that can be: all outdated nodes are shunned first (a taint
//! `PreferNoSchedule`), and cordoned as soon as it is proven that the pods have a place elsewhere. Nodes are then drained
//! one after the other in all zones alike, as many at once as there are more nodes than the pool had.

mod course;
mod document;
mod forecast;
mod hours;
mod make;
mod members;
mod model;
mod options;
mod outdated;
mod prove;
mod step;

pub use course::{Course, Next, Standing, Waiting, imbalance, next};
pub use forecast::{Outline, Pace};
pub use hours::{Hours, hours};
pub use make::{Made, NoPool, Wish, make, outline_of, works};
pub use members::{Members, by_zone};
pub use model::{Headroom, NodeStart, OutdatedNode, PoolPlan};
pub use options::{Outside, PoolOptions, Which};
pub use outdated::Criterion;
pub use prove::{Proven, Question, fewer, prove};
pub use step::{PlanStep, StepError, read_step};
