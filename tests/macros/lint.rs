//! What the lint leaves alone, and what a statement may be allowed: these compile, run and replay.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use flows::prelude::*;

use super::{add, echo, world};

/// A user's own types and functions, under names that others have as well.
mod own {
    pub(super) struct Clock(pub(super) u64);

    impl Clock {
        pub(super) fn now(&self) -> u64 {
            self.0
        }
    }

    pub(super) struct File {
        pub(super) name: String,
    }

    pub(super) mod env {
        pub(crate) fn var(name: &str) -> usize {
            name.len()
        }
    }

    pub(super) fn random(seed: u64) -> u64 {
        seed + 1
    }
}

/// Names and values that the compiler is asked about, and that are the user's own.
mod asked {
    use std::time::SystemTime;

    use flows::prelude::*;

    pub(super) mod fs {
        use flows::prelude::*;

        #[activity]
        pub(crate) async fn copy(from: String, to: String) -> Result<usize> {
            Ok(from.len() + to.len())
        }

        pub(crate) fn read_to_string(name: &str) -> String {
            name.to_owned()
        }
    }

    pub(super) struct File(String);

    impl File {
        pub(super) fn create(name: &str) -> Self {
            Self(name.to_owned())
        }

        pub(super) fn metadata(&self) -> &str {
            &self.0
        }

        pub(super) fn exists(self) -> bool {
            !self.0.is_empty()
        }
    }

    pub(super) struct Notify(u64);

    impl Notify {
        pub(super) fn new() -> Self {
            Self(0)
        }

        pub(super) fn spawn(self) -> Self {
            Self(self.0 + 1)
        }

        pub(super) fn elapsed(&mut self) -> &mut u64 {
            &mut self.0
        }
    }

    pub(super) struct Timestamp;

    impl Timestamp {
        pub(super) fn now(ctx: &WorkflowContext) -> SystemTime {
            ctx.now()
        }
    }

    pub(super) struct Cents(u64);

    impl std::ops::Deref for Cents {
        type Target = u64;

        fn deref(&self) -> &u64 {
            &self.0
        }
    }

    impl Clone for Cents {
        fn clone(&self) -> Self {
            Self(self.0)
        }
    }

    pub(super) struct Tariff {
        pub(super) express: bool,
        pub(super) rules: &'static [&'static (dyn Fn(u64) -> u64 + Sync)],
    }

    pub(super) const FEE: Cents = Cents(3);
    pub(super) const TARIFF: Tariff = Tariff { express: true, rules: &[&|cents| cents + 1] };
    pub(super) static PRINTED: Tariff = Tariff { express: false, rules: &[] };
    pub(super) static NAMES: [&str; 2] = ["pen", "ink"];
    pub(super) const MOST: std::num::NonZeroU64 = std::num::NonZeroU64::new(9).unwrap();
    pub(super) const EMPTY: Vec<u64> = Vec::new();
    pub(super) const CHECK: fn(u64) -> u64 = id;

    pub(super) const fn id(cents: u64) -> u64 {
        cents
    }

    pub(super) fn var<T: Into<String>>(name: T) -> String {
        name.into()
    }

    pub(super) fn args<'a>(of: &'a str, by: &'a str) -> impl Iterator<Item = &'a str> {
        of.split(by)
    }

    pub(super) fn channel<T: Default>() -> T {
        T::default()
    }

    pub(super) fn load(name: &str) -> File {
        File::create(name)
    }
}

#[workflow]
async fn asked_about(ctx: &WorkflowContext) -> Result<(u64, String)> {
    use asked::{CHECK, EMPTY, FEE, MOST, NAMES, PRINTED, TARIFF, args, channel, id, var};
    let copied = asked::fs::copy(ctx, "a".into(), "bc".into()).await? as u64;
    let names: Vec<String> = NAMES.into_iter().map(asked::fs::read_to_string).collect();
    let file = asked::load(&String::from("x"));
    let text = asked::load(&var("file")).metadata().to_owned() + file.metadata();
    let mut total = copied + id(FEE.max(2)) + *FEE + CHECK(MOST.get()) + EMPTY.len() as u64;
    if file.exists() && TARIFF.express && !PRINTED.express {
        total += TARIFF.rules[0](10);
    }
    let mut spawned = asked::Notify::new().spawn();
    *spawned.elapsed() += channel::<u64>();
    let sent: u64 = channel();
    let words = args(&var(String::from("a,b")), &String::from(",")).count() as u64;
    let at = asked::Timestamp::now(ctx);
    total += sent + words + *spawned.elapsed() + u64::from(at == ctx.now());
    Ok((add(ctx, total, names.len() as u64).await?, text))
}

#[workflow]
async fn names_of_ones_own(ctx: &WorkflowContext) -> Result<u64> {
    let clock = own::Clock(1);
    let file = own::File { name: echo(ctx, "file".into()).await? };
    let env = own::env::var(&file.name);
    let random = own::random(clock.now());
    add(ctx, random, env as u64).await
}

/// Looking up, counting and sorting do not depend on the order of a hash map.
#[workflow]
async fn maps(ctx: &WorkflowContext, stock: HashMap<String, u64>) -> Result<Vec<u64>> {
    let mut seen = HashSet::new();
    let mut items: Vec<&String> = stock.keys().collect();
    items.sort();
    let mut counts = Vec::new();
    for item in items {
        seen.insert(item.clone());
        counts.push(add(ctx, stock[item], 0).await?);
    }
    let ordered: BTreeMap<_, _> = stock.iter().collect();
    for (item, count) in &ordered {
        if seen.contains(*item) {
            counts.push(add(ctx, **count, 10).await?);
        }
    }
    counts.push(stock.values().sum());
    Ok(counts)
}

/// A statement may do what is rejected elsewhere, with all that stands in it.
#[workflow]
async fn allowed(ctx: &WorkflowContext) -> Result<bool> {
    #[flows(allow(nondeterminism))]
    let began = SystemTime::now();
    let mut read = 0;
    #[flows(allow(nondeterminism))]
    for _ in [1, 2] {
        read += usize::from(std::env::var_os("PATH").is_some());
        add(ctx, 1, 1).await?;
    }
    #[flows(allow(nondeterminism))]
    {
        read += usize::from(std::env::args().count() > 0);
    }
    #[flows(allow(nondeterminism))]
    let later = async {
        ctx.sleep(Duration::from_secs(1)).await?;
        Ok::<_, Error>(SystemTime::now())
    };
    let later = later.await?;
    let mut last = began;
    #[flows(allow(nondeterminism))]
    last = last.max(SystemTime::now());
    flows::select! {
        slept = ctx.sleep(Duration::from_secs(1)) => {
            slept?;
            #[flows(allow(nondeterminism))]
            println!("slept until {:?}", SystemTime::now());
        }
    }
    #[flows(allow(nondeterminism))]
    Ok(read >= 2 && later >= began && last >= began && began.elapsed().is_ok())
}

/// A value that is recorded may come from anywhere.
#[workflow]
async fn recorded(ctx: &WorkflowContext) -> Result<bool> {
    let time = ctx.side_effect(|| Some(SystemTime::now())).await?;
    let id = ctx.side_effect(uuid::Uuid::new_v4).await?;
    let path: usize = ctx.side_effect(|| std::env::vars().count()).await?;
    Ok(time > Some(SystemTime::UNIX_EPOCH) && !id.is_nil() && path > 0)
}

/// Functions inside the body are not workflow code.
#[workflow]
async fn items(ctx: &WorkflowContext) -> Result<u64> {
    struct SystemTime;
    impl SystemTime {
        fn now() -> u64 {
            let _ = std::time::SystemTime::now();
            7
        }
    }
    add(ctx, SystemTime::now(), 0).await
}

/// A helper that calls itself.
#[durable]
async fn countdown(ctx: &WorkflowContext, from: u64) -> Result<u64> {
    if from == 0 {
        return Ok(0);
    }
    Ok(add(ctx, 1, 0).await? + countdown(ctx, from - 1).await?)
}

type Boxed<'a> = Pin<Box<dyn Durable<Output = Result<u64>> + Send + 'a>>;

#[durable]
async fn sum(
    calls: impl IntoIterator<Item = impl Durable<Output = Result<u64>> + Send> + Send,
) -> Result<u64> {
    Ok(flows::try_join_all(calls).await?.into_iter().sum())
}

/// Futures of several types in one list, pinned ones that outlive a loop, and nested closures.
#[workflow]
async fn shapes(ctx: &WorkflowContext, numbers: Vec<u64>) -> Result<u64> {
    let mut calls: Vec<Boxed<'_>> = vec![Box::pin(add(ctx, 1, 1)), Box::pin(countdown(ctx, 2))];
    calls.push(Box::pin(async { add(ctx, numbers.len() as u64, 0).await }));
    let mut total = sum(calls).await?;
    total += sum(numbers.iter().map(|number| async move {
        let doubled = add(ctx, *number, *number).await?;
        sum((0..2).map(|more| add(ctx, doubled, more))).await
    }))
    .await?;
    let mut answer = std::pin::pin!(ctx.sleep(Duration::from_secs(30)));
    let late = ctx.sleep(Duration::from_secs(90));
    tokio::pin!(late);
    let total = loop {
        let total = total + 1;
        flows::select! {
            slept = answer.as_mut() => { slept?; break total },
            slept = &mut late => { slept?; break 0 },
            _ = ctx.sleep(Duration::from_secs(10)) => continue,
        }
    };
    Ok(total)
}

struct Limit(u64);

impl Limit {
    fn load(&self) -> u64 {
        self.0
    }

    fn set(&self, more: u64) -> u64 {
        self.0 + more
    }
}

const LONGEST: Limit = Limit(7);
static WIDEST: Limit = Limit(8);

/// Their methods have names that those of an atomic have.
#[workflow]
async fn constants(_ctx: &WorkflowContext) -> Result<u64> {
    Ok(LONGEST.load() + WIDEST.set(1))
}

/// Gives at once what a call has to be awaited for.
fn parsed(_ctx: &WorkflowContext, text: &str) -> Result<u64> {
    Ok(text.parse()?)
}

/// Calls that look as if somebody had forgotten to await them.
#[expect(clippy::manual_unwrap_or, clippy::manual_unwrap_or_default, reason = "as people write it")]
#[workflow]
async fn given_at_once(ctx: &WorkflowContext) -> Result<u64> {
    let seven: u64 = parsed(ctx, "7").unwrap_or(0);
    let Ok(six) = parsed(ctx, "6") else { return Ok(0) };
    let five = match parsed(ctx, "none") {
        Ok(number) => number,
        Err(_) => 5,
    };
    let four = if let Ok(four) = parsed(ctx, "4") { four } else { 0 };
    let three: Result<u64> = parsed(ctx, "3");
    let later = add(ctx, 1, 1).start();
    parsed(ctx, &(seven + six + five + four + three? + later.await?).to_string())
}

#[test]
fn programs() {
    assert_eq!(world().run(given_at_once::Input {}).unwrap(), 7 + 6 + 5 + 4 + 3 + 2);
    assert_eq!(world().run(constants::Input {}).unwrap(), 16);
    let world = world().with::<asked::fs::copy::Activity>();
    assert_eq!(world.run(names_of_ones_own::Input {}).unwrap(), 6);
    let total = 3 + 3 + 3 + 9 + 11 + 2 + 1 + 1 + 2;
    assert_eq!(world.run(asked_about::Input {}).unwrap(), (total, "filex".to_owned()));
    let stock = HashMap::from([("pen".to_owned(), 1), ("ink".to_owned(), 2)]);
    assert_eq!(world.run(maps::Input { stock }).unwrap(), [2, 1, 12, 11, 3]);
    assert!(world.run(allowed::Input {}).unwrap());
    assert!(world.run(recorded::Input {}).unwrap());
    assert_eq!(world.run(items::Input {}).unwrap(), 7);
    assert_eq!(world.run(shapes::Input { numbers: vec![1, 2] }).unwrap(), 2 + 2 + 2 + 5 + 9 + 1);
}
