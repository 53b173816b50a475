//! Runs the cases of one client program; each is reported as one line of JSON.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub type Outcome = anyhow::Result<()>;

#[derive(Default)]
pub struct Cases {
    failed: bool,
}

impl Cases {
    /// Runs the case, unless the arguments name others.
    pub async fn run(&mut self, name: &str, case: impl Future<Output = Outcome>) {
        let mut wanted = std::env::args().skip(1).peekable();
        if wanted.peek().is_some() && !wanted.any(|part| name.contains(&part)) {
            return;
        }
        let started = Instant::now();
        let outcome = match tokio::time::timeout(Duration::from_secs(40), case).await {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow::anyhow!("timed out")),
        };
        let seconds = format!("{:.1} s", started.elapsed().as_secs_f64());
        let detail = match &outcome {
            Ok(()) => seconds,
            Err(error) => format!("{error:#} ({seconds})"),
        };
        self.failed |= outcome.is_err();
        // the order of the keys is part of the contract
        println!(
            r#"{{"case": {}, "ok": {}, "detail": {}}}"#,
            serde_json::json!(name),
            outcome.is_ok(),
            serde_json::json!(detail)
        );
    }

    pub fn finish(self) -> ! {
        std::process::exit(self.failed.into())
    }
}

pub fn address(variable: &str) -> String {
    std::env::var(variable).unwrap_or_default()
}

/// A name that no other run uses.
pub fn unique(name: &str) -> String {
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("{name}-{nanoseconds:x}")
}

pub fn equal<T: PartialEq + Debug>(actual: T, expected: T, what: &str) -> Outcome {
    anyhow::ensure!(actual == expected, "{what}: expected {}, got {}", short(&expected), short(&actual));
    Ok(())
}

fn short(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
