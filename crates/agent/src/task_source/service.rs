//! A task source on a thread of its own: requests go to it in order, and its answers come back as events of the controller's
//! loop. So the loop never waits for the source, however slow that is, and even if it blocks its thread.

use super::{Record, Room, SourceFault, Task, TaskSource, TaskState};
use crate::lease::Standing;
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Requests, and likewise answers, in the channels between the loop and the source.
const CHANNEL: usize = 64;
/// How long a call under way may take after the lease was lost.
const GRACE: Duration = Duration::from_secs(5);

/// A call of the source.
#[derive(Debug)]
pub enum Request {
    /// [`TaskSource::next`].
    Next(Room),
    /// [`TaskSource::requeue`]. The only one without an answer.
    Requeue(SmolStr),
    /// [`TaskSource::withdrawn`].
    Withdrawn,
    /// [`TaskSource::record`].
    Record(SmolStr, Box<Record>),
    /// [`TaskSource::state`], and what for.
    State(SmolStr, Purpose),
    /// [`TaskSource::launched`].
    Launched,
}

/// Who asked for the state of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A Pod was seen that this process hasn't launched.
    Reconcile,
    /// A companion may be left over.
    Collect,
}

/// What a call returned.
#[derive(Debug)]
pub enum Answer {
    /// Tasks to launch, of as many as were asked for.
    Next { asked: usize, result: Result<Vec<Task>, SourceFault> },
    /// Keys of withdrawn tasks, and how many tasks wait by queue.
    Withdrawn { result: Result<Vec<String>, SourceFault>, waiting: HashMap<String, usize> },
    /// A record was stored, or not.
    Recorded(SmolStr, Box<Record>, Result<(), SourceFault>),
    /// How far a task has come.
    State(SmolStr, Purpose, Result<Option<TaskState>, SourceFault>),
    /// Keys of launched tasks.
    Launched(Result<Vec<String>, SourceFault>),
}

/// The calls of which at most one is outstanding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Single {
    /// [`Request::Next`].
    Next,
    /// [`Request::Withdrawn`].
    Withdrawn,
    /// [`Request::Launched`].
    Launched,
}

/// The loop's end of the channels. Dropping it ends the source, at the latest when its call under way returns.
pub struct SourceClient {
    requests: mpsc::Sender<Request>,
    /// Requests that the channel has no place for. At most one for each task, and one of each other kind.
    outbox: VecDeque<Request>,
    /// Requests whose answer hasn't come.
    outstanding: usize,
    singles: HashSet<Single>,
    /// When the last answer came, or the oldest outstanding request was made if that is later.
    heard: Instant,
    discard: Arc<AtomicBool>,
    cancel: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Moves a source to a thread of its own. It serves requests as long as this replica is the leader.
pub fn start<S: TaskSource>(source: S, standing: watch::Receiver<Standing>) -> (SourceClient, mpsc::Receiver<Answer>) {
    let (requests, received) = mpsc::channel(CHANNEL);
    let (answers, answered) = mpsc::channel(CHANNEL);
    let (cancel, cancelled) = oneshot::channel::<()>();
    let discard = Arc::new(AtomicBool::new(false));
    let goes_on = {
        let discard = discard.clone();
        move || !discard.load(Ordering::Acquire) && standing.borrow().is_leader()
    };
    let runtime = tokio::runtime::Handle::current();
    let thread = tokio::task::spawn_blocking(move || {
        runtime.block_on(async move {
            tokio::select! {
                () = serve(source, received, answers, goes_on) => {}
                _ = cancelled => {}
            }
        });
    });
    (SourceClient::new(requests, discard, cancel, thread), answered)
}

/// Serves requests until there are no more, or `goes_on` says no: then those that wait are dropped.
async fn serve<S: TaskSource>(
    mut source: S,
    mut requests: mpsc::Receiver<Request>,
    answers: mpsc::Sender<Answer>,
    goes_on: impl Fn() -> bool,
) {
    while let Some(request) = requests.recv().await {
        if !goes_on() {
            return;
        }
        let answer = match request {
            Request::Next(mut room) => {
                let asked = room.all;
                Answer::Next { asked, result: source.next(&mut room).await }
            }
            Request::Requeue(key) => {
                source.requeue(&key);
                continue;
            }
            Request::Withdrawn => {
                let result = source.withdrawn().await;
                Answer::Withdrawn { result, waiting: source.waiting() }
            }
            Request::Record(key, record) => {
                let result = source.record(&key, &record).await;
                Answer::Recorded(key, record, result)
            }
            Request::State(key, purpose) => {
                let result = source.state(&key).await;
                Answer::State(key, purpose, result)
            }
            Request::Launched => Answer::Launched(source.launched().await),
        };
        if answers.send(answer).await.is_err() {
            return;
        }
    }
}

impl SourceClient {
    /// A client that has asked for nothing yet.
    fn new(
        requests: mpsc::Sender<Request>,
        discard: Arc<AtomicBool>,
        cancel: oneshot::Sender<()>,
        thread: JoinHandle<()>,
    ) -> Self {
        SourceClient {
            requests,
            outbox: VecDeque::new(),
            outstanding: 0,
            singles: HashSet::new(),
            heard: Instant::now(),
            discard,
            cancel,
            thread,
        }
    }

    /// A client whose requests a test reads, and answers.
    #[cfg(test)]
    pub fn detached() -> (Self, mpsc::Receiver<Request>) {
        let (requests, received) = mpsc::channel(CHANNEL);
        let idle = tokio::spawn(std::future::ready(()));
        let client = SourceClient::new(requests, Arc::default(), oneshot::channel().0, idle);
        (client, received)
    }

    /// Hands a request over, in the order of the calls. Never waits.
    pub fn send(&mut self, request: Request) {
        if let Some(single) = single(&request) {
            self.singles.insert(single);
        }
        if !matches!(request, Request::Requeue(_)) {
            if self.outstanding == 0 {
                self.heard = Instant::now();
            }
            self.outstanding += 1;
        }
        self.outbox.push_back(request);
        self.flush();
    }

    /// Fills the channel from the outbox: after each answer and at each tick.
    pub fn flush(&mut self) {
        while let Some(request) = self.outbox.pop_front() {
            match self.requests.try_send(request) {
                Ok(()) => {}
                Err(TrySendError::Full(request) | TrySendError::Closed(request)) => {
                    self.outbox.push_front(request);
                    return;
                }
            }
        }
    }

    /// Takes note of an answer.
    pub fn answered(&mut self, answer: &Answer) {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.heard = Instant::now();
        let single = match answer {
            Answer::Next { .. } => Single::Next,
            Answer::Withdrawn { .. } => Single::Withdrawn,
            Answer::Launched(_) => Single::Launched,
            Answer::Recorded(..) | Answer::State(..) => return self.flush(),
        };
        self.singles.remove(&single);
        self.flush();
    }

    /// Whether such a call is outstanding.
    pub fn is_asked(&self, single: Single) -> bool {
        self.singles.contains(&single)
    }

    /// Whether nothing is outstanding.
    pub fn is_idle(&self) -> bool {
        self.outstanding == 0 && self.outbox.is_empty()
    }

    /// For how long an answer has been outstanding.
    pub fn silence(&self) -> Option<Duration> {
        (self.outstanding > 0).then(|| self.heard.elapsed())
    }

    /// Ends the source after everything that it was sent, and waits for that.
    pub async fn finish(self) {
        let SourceClient { requests, thread, cancel, .. } = self;
        drop(requests);
        let _ = thread.await;
        drop(cancel);
    }

    /// Ends the source after the call under way, and waits for that, but not long. Requests that wait are dropped.
    pub async fn abandon(self) {
        let SourceClient { requests, thread, cancel, discard, .. } = self;
        discard.store(true, Ordering::Release);
        drop(requests);
        if tokio::time::timeout(GRACE, thread).await.is_err() {
            tracing::warn!("the task source still hasn't answered; abandoning the call");
        }
        drop(cancel);
    }
}

fn single(request: &Request) -> Option<Single> {
    match request {
        Request::Next(_) => Some(Single::Next),
        Request::Withdrawn => Some(Single::Withdrawn),
        Request::Launched => Some(Single::Launched),
        Request::Requeue(_) | Request::Record(..) | Request::State(..) => None,
    }
}
