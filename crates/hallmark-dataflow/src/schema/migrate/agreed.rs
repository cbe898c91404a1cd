//! What somebody agreed to: nothing else is done, and what others did of it meanwhile is no reason to refuse the rest.

use super::history::Migration;
use super::plan::{Plan, Step};

/// The plans that were shown and agreed to.
#[derive(Clone, Debug, Default)]
pub struct Agreed {
    parts: Vec<Part>,
}

/// One plan: the migration that it takes back, if it does, and its steps.
#[derive(Clone, Debug)]
struct Part {
    takes_back: Option<i64>,
    steps: Vec<Step>,
}

impl From<&Plan> for Agreed {
    fn from(plan: &Plan) -> Self {
        Self { parts: vec![Part { takes_back: None, steps: plan.steps.clone() }] }
    }
}

impl From<&[(Migration, Plan)]> for Agreed {
    fn from(plans: &[(Migration, Plan)]) -> Self {
        let part = |(migration, plan): &(Migration, Plan)| Part {
            takes_back: Some(migration.id),
            steps: plan.steps.clone(),
        };
        Self { parts: plans.iter().map(part).collect() }
    }
}

impl Agreed {
    /// Whether this plan does nothing but what was agreed to.
    pub(super) fn covers(&self, plan: &Plan) -> bool {
        matches!(&self.parts[..], [part] if part.takes_back.is_none() && part.covers(plan))
    }

    /// Whether these take back the same migrations in the same order, and do nothing but what was agreed to.
    pub(super) fn covers_all(&self, plans: &[(Migration, Plan)]) -> bool {
        self.parts.len() == plans.len()
            && self
                .parts
                .iter()
                .zip(plans)
                .all(|(part, (migration, plan))| part.takes_back == Some(migration.id) && part.covers(plan))
    }
}

impl Part {
    /// Another migrator may have done some of the steps since, or may have been killed in the middle of one: the rest of a step is
    /// written otherwise (an unfinished index is removed first), and is neither less safe than the whole nor about anything else.
    fn covers(&self, plan: &Plan) -> bool {
        plan.steps.iter().all(|step| {
            self.steps.contains(step)
                || (plan.unfinished.is_some() && self.steps.iter().any(|s| is_rest(step, s)))
        })
    }
}

fn is_rest(rest: &Step, whole: &Step) -> bool {
    let place = |step: &Step| (step.table.clone(), step.subject.clone());
    place(rest) == place(whole) && rest.class <= whole.class && (whole.blocks || !rest.blocks)
}

#[cfg(test)]
mod tests {
    use super::super::plan::Class;
    use super::*;

    fn step(subject: &str, class: Class, summary: &str) -> Step {
        Step {
            class,
            table: "parts".to_owned(),
            subject: subject.to_owned(),
            summary: summary.to_owned(),
            lock: String::new(),
            why: String::new(),
            actions: Vec::new(),
            cleanup: Vec::new(),
            blocks: false,
        }
    }

    fn plan(steps: Vec<Step>, unfinished: Option<i64>) -> Plan {
        Plan { steps, unfinished, ..Plan::default() }
    }

    #[test]
    fn what_is_left_of_a_plan_is_agreed_to_and_anything_else_is_not() {
        let (column, index) = (step("colour", Class::Safe, "add"), step("by_colour", Class::Safe, "build"));
        let agreed = Agreed::from(&plan(vec![column.clone(), index.clone()], None));
        assert!(agreed.covers(&plan(vec![column.clone(), index.clone()], None)));
        assert!(agreed.covers(&plan(vec![index.clone()], None)), "another did the first step");
        assert!(agreed.covers(&plan(Vec::new(), None)), "another did it all");
        let again = step("by_colour", Class::Safe, "remove what was not finished, build");
        assert!(agreed.covers(&plan(vec![again.clone()], Some(7))), "another was killed in it");
        assert!(!agreed.covers(&plan(vec![again], None)), "nobody was");
        let lossy = step("colour", Class::Destructive, "drop");
        assert!(!agreed.covers(&plan(vec![lossy, index.clone()], Some(7))), "worse than agreed");
        assert!(
            !agreed.covers(&plan(vec![index, step("weight", Class::Safe, "add")], Some(7))),
            "something else"
        );
    }
}
