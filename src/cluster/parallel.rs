//! Several pieces of work at the same time, without a task for each, so that they may borrow.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// A boxed piece of work, for pieces of different kinds side by side.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs all futures at the same time and gives their outcomes in the order of the futures.
///
/// They share one task: what they wait for overlaps, what they compute does not. The number of reads that a
/// [`Cluster`](super::Cluster) has under way is limited by the cluster itself, whatever is started here.
pub async fn all<F: Future>(work: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = work.into_iter().map(|future| Some(Box::pin(future))).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut waiting = false;
        for (future, outcome) in running.iter_mut().zip(&mut done) {
            let Some(pending) = future else { continue };
            match pending.as_mut().poll(context) {
                Poll::Ready(value) => {
                    *outcome = Some(value);
                    *future = None;
                }
                Poll::Pending => waiting = true,
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn outcomes_keep_their_order_and_work_may_borrow() {
        let names = ["a", "b", "c"];
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut sender = Some(sender);
        let mut receiver = Some(receiver);
        let work = names.iter().enumerate().map(|(at, name)| {
            let (sender, receiver) = if at == 2 {
                (sender.take(), None)
            } else if at == 0 {
                (None, receiver.take())
            } else {
                (None, None)
            };
            let boxed: Work<'_, String> = Box::pin(async move {
                // The first can only end after the last has run: they run at the same time.
                if let Some(receiver) = receiver {
                    return format!("{name} after {}", receiver.await.unwrap_or("nobody"));
                }
                if let Some(sender) = sender {
                    sender.send(*name).ok();
                }
                (*name).to_owned()
            });
            boxed
        });
        assert_eq!(all(work.collect::<Vec<_>>()).await, ["a after c", "b", "c"]);
        assert!(all(Vec::<Work<'_, u8>>::new()).await.is_empty());
    }
}
