//! The Java process that knows Kafka's messages: one for all tests of this program.

use std::{
    io::{BufReader, Read, Write},
    process::{Child, ChildStdout, Stdio},
    sync::{Arc, LazyLock, mpsc},
    thread,
    time::Duration,
};

use ottla_integration_tests::{Jars, Java, Version};
use parking_lot::{Mutex, MutexGuard};

/// Asks `java/MessageParity.java`, in which the answers come from Kafka's own classes.
///
/// A question is a frame: a length of four bytes, then a letter for its kind, then what the
/// functions of [`Question`] write. So is an answer: a byte that is zero if all went well, and then
/// what was asked for; otherwise the error in words.
#[derive(Debug)]
pub(crate) struct Oracle {
    /// Questions are written by a thread of their own: many are under way at once, and a pipe holds
    /// few of them.
    questions: mpsc::Sender<Vec<u8>>,
    answers: BufReader<ChildStdout>,
}

/// The process ends by itself as soon as ours is gone: then its input is at its end.
static ORACLE: LazyLock<Mutex<Oracle>> = LazyLock::new(|| Mutex::new(Oracle::start()));

/// All tests together take much less.
const LIMIT: Duration = Duration::from_secs(400);

impl Oracle {
    pub(crate) fn shared() -> MutexGuard<'static, Self> {
        ORACLE.lock()
    }

    fn start() -> Self {
        // Always the pinned version: it is the one that our messages are written after.
        let jars = Jars::get(&Version::default(), &|line| println!("{line}")).unwrap();
        let mut child = Java::find()
            .unwrap()
            .tool(&jars)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/java/MessageParity.java"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let answers = BufReader::with_capacity(1 << 16, child.stdout.take().unwrap());
        let (questions, to_write) = mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            for question in to_write {
                if input.write_all(&question).is_err() {
                    return;
                }
            }
        });
        end_after(LIMIT, child);
        Self { questions, answers }
    }

    /// What Java says to one question.
    pub(crate) fn ask(&mut self, question: Question) -> Result<Vec<u8>, String> {
        self.ask_all([question]).pop().expect("one answer")
    }

    /// What Java says to each question, in their order.
    pub(crate) fn ask_all(
        &mut self,
        questions: impl IntoIterator<Item = Question>,
    ) -> Vec<Result<Vec<u8>, String>> {
        let mut frames = Vec::new();
        let mut count = 0;
        for Question(body) in questions {
            frames.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
            frames.extend(body);
            count += 1;
        }
        self.questions.send(frames).expect("Java still reads");
        (0..count).map(|_| self.answer()).collect()
    }

    fn answer(&mut self) -> Result<Vec<u8>, String> {
        let mut length = [0; 4];
        self.answers.read_exact(&mut length).expect("Java answers; it may have run over its limit");
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        self.answers.read_exact(&mut answer).expect("Java ends its answers");
        match answer.split_first() {
            Some((0, good)) => Ok(good.to_vec()),
            _ => Err(String::from_utf8_lossy(&answer[1..]).into_owned()),
        }
    }
}

/// Kills a child that takes longer than `limit`, upon which whoever reads its output fails.
fn end_after(limit: Duration, child: Child) {
    let child = Arc::new(Mutex::new(child));
    thread::spawn(move || {
        thread::sleep(limit);
        eprintln!("the parity tests took more than {limit:?}: Java is ended");
        let _ = child.lock().kill();
    });
}

/// Something to ask.
#[derive(Debug)]
pub(crate) struct Question(Vec<u8>);

impl Question {
    /// All definitions in the jar, each with its length in front.
    pub(crate) fn definitions() -> Self {
        Self(b"D".to_vec())
    }

    /// All error codes, one a line: number, name, whether retriable, whether metadata is stale.
    pub(crate) fn errors() -> Self {
        Self(b"E".to_vec())
    }

    /// The message in `bytes` as Java reads it and writes it again.
    pub(crate) fn again(subject: Subject<'_>, bytes: &[u8]) -> Self {
        let mut question = subject.question(b'A');
        question.extend(bytes);
        Self(question)
    }

    /// The message in `bytes`, without a header, as Java writes it at another version.
    pub(crate) fn converted(subject: Subject<'_>, version: i16, bytes: &[u8]) -> Self {
        let mut question = subject.question(b'C');
        question.extend(version.to_be_bytes());
        question.extend(bytes);
        Self(question)
    }

    /// A message that Java fills at random.
    pub(crate) fn make(subject: Subject<'_>, seed: u64) -> Self {
        let mut question = subject.question(b'M');
        question.extend(seed.to_be_bytes());
        Self(question)
    }
}

/// A message at a version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// Its name in Kafka's definitions.
    pub(crate) name: &'a str,
    pub(crate) version: i16,
    /// Whether the header of a request or response stands in front of it.
    pub(crate) framed: bool,
}

impl Subject<'_> {
    fn question(self, kind: u8) -> Vec<u8> {
        let mut question = vec![kind];
        question.extend(u16::try_from(self.name.len()).unwrap().to_be_bytes());
        question.extend(self.name.as_bytes());
        question.extend(self.version.to_be_bytes());
        question.push(u8::from(self.framed));
        question
    }
}
