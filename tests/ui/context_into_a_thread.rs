//! The context, given to a thread.
use flows::prelude::*;

#[workflow]
async fn report(ctx: &WorkflowContext, rows: Vec<u64>) -> Result<u64> {
    let handle = std::thread::spawn(move || rows.iter().sum::<u64>());
    std::thread::scope(|scope| {
        scope.spawn(|| println!("{}", ctx.run_id()));
    });
    Ok(handle.join().unwrap_or_default())
}

fn main() {}
