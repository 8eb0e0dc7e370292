//! Turns: what code wants is sorted into what is done at once, what is written, and what waits for the
//! write.

use uuid::Uuid;

use super::timers::Timer;
use super::{Code, CodeReturned, Effect, Incoming, Phase, Run, RunStep};
use crate::error::Result;
use crate::ids::RunKey;
use crate::journal::{Event, Recorded, StoredError};
use crate::payload::Payload;
use crate::replay::{ActivityStart, Command, RefusedUpdate, Turn};
use crate::store::{MessageKind, NewItem, NewRun, OutgoingMessage, UpdateAnswer};

/// What a turn's commands ask for that is not done at once.
#[derive(Default)]
struct Obeyed {
    launches: Vec<ActivityStart>,
    /// Attempts for the workers of a queue.
    scheduled: Vec<ActivityStart>,
    /// Children that start, in the order of their marks.
    starts: Vec<NewRun>,
    /// What children are told, in the order of its marks.
    tells: Vec<OutgoingMessage>,
    /// Items for the run's stream.
    items: Vec<NewItem>,
    /// Messages of updates that were offered and are taken, in the order of their marks.
    taken: Vec<i64>,
}

impl<M: Code> Run<M> {
    /// The code has been run: what it was given becomes part of what is pending, together with what came of
    /// it. If the run has changed hands meanwhile, neither does.
    pub(super) fn polled(&mut self, polled: CodeReturned<M>, step: &mut RunStep<'_, M>) {
        let CodeReturned { machine, turn, refusal, failed, fresh } = polled;
        let taken = match std::mem::replace(&mut self.phase, Phase::Lost) {
            Phase::Polling(taken) => taken,
            other => {
                self.phase = other;
                return step.effects.extend(machine.map(Effect::Discard));
            }
        };
        match (&turn, taken.message) {
            (Err(_), _) if taken.on_trial => {} // it stays in the inbox, for a build that can decide
            (Ok(Turn { refused: Some(refused), .. }), Some(seq)) => {
                self.refuse(seq, RefusedUpdate::clone(refused));
            }
            (_, message) => self.writes.pending.take_in(taken.row, message),
        }
        let (machine, turn) = match (machine, turn) {
            (Some(machine), Ok(turn)) => (machine, turn),
            (machine, turn) => {
                step.effects.extend(machine.map(Effect::Discard));
                self.writes.first.take_if(|_| taken.begins); // it is still to come
                return self.get_stuck(turn.err().unwrap_or_default(), step);
            }
        };
        self.phase = Phase::Live(machine);
        if let Some(why) = refusal {
            return self.get_stuck(why, step);
        }
        let launches = match self.absorb(turn.commands, &turn.marks, failed, step) {
            Ok(launches) => launches,
            Err(why) => return self.get_stuck(why, step),
        };
        match turn.outcome {
            Some(outcome) => self.end(outcome, fresh, step),
            None if self.is_durable() => {
                launches.into_iter().for_each(|start| self.launch(start, step));
            }
            None => {
                let launches = self.note_starts(launches, step);
                self.writes.pending.launch(launches);
            }
        }
    }

    /// Sorts what the code wants; gives back the attempts that are to start.
    pub(super) fn absorb(
        &mut self,
        commands: Vec<Command>,
        marks: &[Recorded],
        failed: Vec<Event>,
        step: &mut RunStep<'_, M>,
    ) -> Result<Vec<ActivityStart>, String> {
        let Obeyed { launches, scheduled, starts, tells, items, taken } = self.obey(commands, step);
        self.judge(&failed, !launches.is_empty(), step.now).map_err(|error| error.to_string())?;
        failed.into_iter().for_each(|event| self.take_in(Incoming::Event(event)));
        self.mark(marks, starts, tells, taken).map_err(|error| error.to_string())?;
        items.into_iter().for_each(|item| self.writes.pending.publish(item));
        scheduled.into_iter().for_each(|start| self.schedule(start, step));
        Ok(launches)
    }

    /// The code has refused an update: all that is written of it is the answer.
    fn refuse(&mut self, seq: i64, refused: RefusedUpdate) {
        let RefusedUpdate { id, error } = refused;
        let answer = UpdateAnswer { update: id, reply: Err(error.0), refuses: Some(seq) };
        self.writes.pending.answer(answer);
    }

    /// Does what needs no commit; gives back what does, or may.
    fn obey(&mut self, commands: Vec<Command>, step: &mut RunStep<'_, M>) -> Obeyed {
        let mut obeyed = Obeyed::default();
        let waiting = self.writes.waiting_launches();
        for command in commands {
            match command {
                Command::RunActivity(start) if start.pending.is_some() => {
                    self.await_outside(start, step);
                }
                Command::RunActivity(start) => {
                    let before = waiting + obeyed.launches.len();
                    let is_due = start.not_before.is_none_or(|due| due <= step.now);
                    match is_due && self.is_for_others(&start, before, step.rules) {
                        true => obeyed.scheduled.push(start), // it begins with the commit of the turn
                        false => obeyed.launches.push(start),
                    }
                }
                Command::WithdrawActivity(op) => {
                    obeyed.launches.retain(|start| start.task.op != op);
                    obeyed.scheduled.retain(|start| start.task.op != op);
                    self.withdraw(op, step);
                }
                Command::CancelActivity(op) => {
                    obeyed.launches.retain(|start| start.task.op != op);
                    self.cancel_activity(op, step);
                }
                Command::StopActivity { task, attempt } => {
                    obeyed.launches.retain(|start| start.task.op != task.op);
                    obeyed.scheduled.retain(|start| start.task.op != task.op);
                    self.end_activity(&task, attempt, step);
                }
                Command::StartTimer { op, due } => self.timers.set(op, due, Timer::Fire, step),
                Command::CancelTimer(op) => drop(self.timers.clear(op, step)),
                Command::StartChild(child) => obeyed.starts.push(self.child_run(&child)),
                Command::SetQuery { name, value } => self.publish(name, value, step),
                Command::Publish { number, item } => {
                    obeyed.items.push(NewItem { number: Some(number), item });
                }
                Command::SetAttribute { name, value } => self.set_attribute(name, value, step),
                Command::Consume(seq) => obeyed.taken.push(seq),
                Command::Refuse { seq, refused } => self.refuse(seq, *refused),
                Command::CancelChild { run, reason } => {
                    let reason = Payload::json(&reason).ok();
                    let message =
                        |reason| self.to_child(run, MessageKind::Cancel, String::new(), reason);
                    obeyed.tells.extend(reason.map(message));
                }
                Command::SignalChild { run, name, payload } => {
                    let payload = payload.with_headers(&self.spec.headers);
                    obeyed.tells.push(self.to_child(run, MessageKind::Signal, name, payload));
                }
            }
        }
        obeyed
    }

    fn to_child(
        &self,
        run: Uuid,
        kind: MessageKind,
        name: String,
        payload: Payload,
    ) -> OutgoingMessage {
        OutgoingMessage {
            to: RunKey::of_run(self.key.tenant, run),
            kind,
            name,
            payload,
            dedup: None,
        }
    }

    /// Writes down what a turn has decided. A child's start goes with its mark, and never without, and so does
    /// what it is told. Patches go in front where the turn is cut: a replay of its beginning must
    /// not decide them anew.
    fn mark(
        &mut self,
        marks: &[Recorded],
        starts: Vec<NewRun>,
        tells: Vec<OutgoingMessage>,
        taken: Vec<i64>,
    ) -> Result<()> {
        if marks.is_empty() && starts.is_empty() {
            return Ok(());
        }
        let pending = &mut self.writes.pending;
        let mut children = starts.into_iter().peekable();
        let (mut tells, mut taken) = (tells.into_iter(), taken.into_iter());
        let is_patch = |mark: &&Recorded| matches!(mark.event, Event::Patched { .. });
        let mut is_cut = false;
        for (at, mark) in marks.iter().enumerate() {
            if !is_cut && pending.is_full() {
                is_cut = true;
                marks[at..].iter().filter(is_patch).try_for_each(|patch| pending.add(patch))?;
            }
            if is_cut && is_patch(&mark) {
                continue;
            }
            let child = match &mark.event {
                Event::ChildStarted { run, .. } => children.next_if(|child| child.key.run == *run),
                _ => None,
            };
            pending.mark(mark, child)?;
            match &mark.event {
                event if event.tells_a_child() => pending.send(tells.next()),
                Event::UpdateTaken { .. } => pending.discard(taken.next()),
                Event::UpdateReplied { id, result } => pending.answer(reply(id, result)),
                _ => {}
            }
        }
        children.for_each(|child| pending.start(child));
        Ok(())
    }
}

/// A recorded reply, as its sender finds it.
fn reply(id: &str, result: &Result<Payload, StoredError>) -> UpdateAnswer {
    let reply = match result {
        Ok(reply) => Ok(reply.as_json().unwrap_or("null").to_owned()),
        Err(error) => Err(error.0.clone()),
    };
    UpdateAnswer { update: id.to_owned(), reply, refuses: None }
}
